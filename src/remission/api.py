"""The public names of `import remission`: each opens one door and loads what it needs when it is called.

    import remission as rm

    early, late = rm.regimen("s1318"), rm.regimen("a041703")
    mine = late.remove("course-v").then("pomp", times=6)         # a new, checked regimen
    print(mine.changes)                                          # what changed, in words
    print(rm.compare([early, late, mine], rm.population("a041703"), endpoint="OS@24mo"))
    print(rm.trial("e1910").results[0], rm.predict("e1910/blinatumomab", "OS@36mo"))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remission.evidence import TrialEvidence
    from remission.patients import Population
    from remission.protocol import Edited, Regimen

__all__ = ["compare", "population", "predict", "regimen", "trial"]


def regimen(text: str) -> Edited:
    """A regimen that can be edited: an id, a path to a .yaml file, or "like ID, but ...". Raises NotFound, InvalidFile."""
    from remission.protocol import Edited, edit_text, open_regimen

    return edit_text(text) if text.strip().startswith("like ") else Edited(open_regimen(text))


def trial(identifier: str) -> TrialEvidence:
    """The published evidence of one trial, read-only. Raises NotFound with the nearest id."""
    from remission.evidence import load_trial

    return load_trial(identifier)


def population(identifier: str) -> Population:
    """A population of virtual patients. Raises NotFound with the nearest id."""
    from remission.patients import load_population

    return load_population(identifier)


def compare(regimens: Sequence[Edited | Regimen], population: Population, *, endpoint: str = "EFS@36mo", patients: int = 1000,
            draws: int = 200, seed: int = 1) -> dict[str, Any]:
    """Regimens on the same patients with the same luck; see `remission.decide.compare`. Research use only."""
    from remission.decide import compare as compare_regimens
    from remission.decide import parse_endpoint
    from remission.engine import prior_draws
    from remission.protocol import Edited

    name, months = parse_endpoint(endpoint)
    plans = [item.regimen if isinstance(item, Edited) else item for item in regimens]
    return compare_regimens(plans, population, prior_draws(draws, seed), patients, seed, name, months)


def predict(arm: str, endpoint: str, *, where: str | None = None, enrolled: int | None = None, patients: int = 2000, draws: int = 200,
            seed: int = 1) -> dict[str, Any]:
    """What a trial's arm would report; see `remission.inference.ask`. Research use only."""
    from remission.engine import prior_draws
    from remission.inference import ask

    return ask(arm, endpoint, prior_draws(draws, seed), patients, seed, where, enrolled)
