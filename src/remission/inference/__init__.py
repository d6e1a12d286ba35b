"""What do we believe?

Inputs: parameter draws, histories, and the published record.
Outputs: predictive distributions of what trials report, and those reports held against them.
"""

from remission.inference.ask import ask, find_arm, parse_time
from remission.inference.predict import Predictive, predict
from remission.inference.review import catalog_digest, review, summary

__all__ = [
    "Predictive",
    "ask",
    "catalog_digest",
    "find_arm",
    "parse_time",
    "predict",
    "review",
    "summary",
]
