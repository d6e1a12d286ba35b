"""What do we believe?

Inputs: parameter draws, histories, and the published record.
Outputs: predictive distributions of what trials report, and those reports held against them.
"""

from remission.inference.ask import ask, find_arm, parse_time
from remission.inference.predict import Predictive, predict
from remission.inference.review import catalog_digest, ongoing_trials, review, simulated_trials, summary
from remission.inference.tensions import measure as measure_tensions

__all__ = [
    "Predictive",
    "ask",
    "catalog_digest",
    "find_arm",
    "measure_tensions",
    "ongoing_trials",
    "parse_time",
    "predict",
    "review",
    "simulated_trials",
    "summary",
]
