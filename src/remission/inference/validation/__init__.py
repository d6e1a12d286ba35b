"""Would we have predicted it?

Inputs: beliefs about the parameters that can leave a trial out, and the published record.
Outputs: predictions of trials that were not seen, scored beside the best simple competitor; what drives them; what they rest on.
"""

from remission.inference.validation.belief import Belief, Held, Posterior, Prior, Remembered
from remission.inference.validation.card import card_contents, keep_validation, kept_validation
from remission.inference.validation.learned import learned
from remission.inference.validation.run import Settings, unseen, validate
from remission.inference.validation.scores import Forecast, Score, crps, pit, score
from remission.inference.validation.variants import Variant, available, compare, registered, scaling, setting

__all__ = [
    "Belief",
    "Forecast",
    "Held",
    "Posterior",
    "Prior",
    "Remembered",
    "Score",
    "Settings",
    "Variant",
    "available",
    "card_contents",
    "compare",
    "crps",
    "keep_validation",
    "kept_validation",
    "learned",
    "pit",
    "registered",
    "scaling",
    "score",
    "setting",
    "unseen",
    "validate",
]
