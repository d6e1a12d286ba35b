"""What do we measure?

Inputs: histories of virtual patients and the design half of a trial.
Outputs: endpoints as that trial defines them, in every parameter draw, with what one patient is worth under its follow-up.
"""

from remission.outcomes.emulate import (
    Reading,
    enrolled,
    follow_up_days,
    read,
    survival_at,
    survival_curve,
    survival_times,
)
from remission.outcomes.select import holds, slots_named

__all__ = [
    "Reading",
    "enrolled",
    "follow_up_days",
    "holds",
    "read",
    "slots_named",
    "survival_at",
    "survival_curve",
    "survival_times",
]
