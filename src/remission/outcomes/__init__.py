"""What do we measure?

Inputs: histories of virtual patients and the design half of a trial.
Outputs: endpoints as that trial defines them, in every parameter draw, with what one patient is worth under its follow-up.
"""

from remission.outcomes.arms import Members, combine, members
from remission.outcomes.emulate import (
    Emulation,
    Landmark,
    Reading,
    enrolled,
    follow_up_days,
    read,
    survival_at,
    survival_curve,
    survival_times,
)
from remission.outcomes.estimate import incidence, survival, worth
from remission.outcomes.select import holds, made, slots_named

__all__ = [
    "Emulation",
    "Landmark",
    "Members",
    "Reading",
    "combine",
    "enrolled",
    "follow_up_days",
    "holds",
    "incidence",
    "made",
    "members",
    "read",
    "slots_named",
    "survival",
    "survival_at",
    "survival_curve",
    "survival_times",
    "worth",
]
