"""Remission: an in-silico trial lab for frontline B-cell acute lymphoblastic leukaemia. Research use only."""

__version__ = "0.1.0"
