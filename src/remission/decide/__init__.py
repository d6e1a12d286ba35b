"""What do we want to know?

Inputs: regimens, a population and parameter draws (never the fit itself).
Outputs: paired differences between strategies on the same patients, with credible intervals.
"""

from remission.decide.compare import Comparison, Interval, compare, event_free, parse_endpoint

__all__ = ["Comparison", "Interval", "compare", "event_free", "parse_endpoint"]
