"""The public names of `import remission`: each opens one door and loads what it needs when it is called.

    import remission as rm

    early, late = rm.regimen("s1318"), rm.regimen("a041703")
    mine = late.remove("course-v").then("pomp", times=6)         # a new, checked regimen
    print(mine.changes)                                          # what changed, in words
    print(rm.compare([early, late, mine], rm.population("a041703"), endpoint="OS@24mo"))
    print(rm.trial("e1910").results[0], rm.predict("e1910/blinatumomab", "OS@36mo"))
    print(rm.position(rm.population("older-ph-negative"))["best"])        # where in the sequence, how sure
    print(rm.run_claims(["debulking-older"])["claims"][0]["verdict"])     # the review's statements, tested
    print(rm.simulate("e1910/blinatumomab", patients=200, draws=50))     # an arm, or a regimen in a population

`draws` is everywhere a number (200: of the newest released posterior, or of the priors where there is none), a name ("prior", "2026.1",
"prior:50", a folder) as `--draws` takes it, or draws that were loaded with `remission.engine.load_draws`. The same seed gives the same
numbers. Research use only: nothing here is for decisions about a patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remission.base.histories import Histories
    from remission.engine import Draws
    from remission.evidence import TrialEvidence
    from remission.patients import Population
    from remission.protocol import Edited, Regimen

__all__ = ["compare", "population", "position", "predict", "regimen", "run_claims", "simulate", "trial"]


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


def compare(regimens: Sequence[Edited | Regimen | str], population: Population | str, *, endpoint: str = "EFS@36mo", patients: int = 1000,
            draws: Draws | int | str = 200, seed: int = 1) -> dict[str, Any]:
    """Regimens on the same patients with the same luck; see `remission.decide.compare`. Research use only."""
    from remission.decide import compare as compare_regimens
    from remission.decide import parse_endpoint

    name, months = parse_endpoint(endpoint)
    plans = [_plan(item) for item in regimens]
    return compare_regimens(plans, _who(population), _draws(draws, seed), _patients(patients), seed, name, months)


def position(population: Population | str, *, endpoint: str = "EFS@36mo", patients: int = 1000, draws: Draws | int | str = 200,
             seed: int = 1, **limits: Any) -> dict[str, Any]:
    """Search the placements of blinatumomab for a population; see `remission.decide.position`. Research use only.

    `limits` are those of `remission position`: max_cycles, max_infusion_days, max_chemotherapy, max_toxicity, max_care_days,
    max_loss. Raises UsageError for another.
    """
    from dataclasses import fields

    from remission.base.errors import UsageError, nearest
    from remission.decide import Bounds, Limits, parse_endpoint
    from remission.decide import position as search_positions

    name, months = parse_endpoint(endpoint)
    declared, simulated = ({item.name for item in fields(kind)} for kind in (Limits, Bounds))
    for key in limits:
        if key not in declared | simulated:
            raise UsageError(f"'{key[:40]}' is not a limit", where="position", why="limits: " + ", ".join(sorted(declared | simulated)),
                             near=nearest(key, declared | simulated), fix="use one of them")
    return search_positions(_who(population), _draws(draws, seed), _patients(patients), seed, endpoint=name, months=months,
                            limits=Limits(**{key: value for key, value in limits.items() if key in declared}),
                            bounds=Bounds(**{key: value for key, value in limits.items() if key in simulated}))


def run_claims(claims: Sequence[str] = (), *, patients: int = 500, draws: Draws | int | str = 200, seed: int = 1) -> dict[str, Any]:
    """The review's statements (all, or those with these ids) put to experiments; see `remission.decide.run_claims`. Research use only."""
    from remission.decide import claim, load_claims
    from remission.decide import run_claims as test

    chosen = tuple(claim(identifier) for identifier in claims) or load_claims()
    return test(chosen, _draws(draws, seed), _patients(patients), seed)


def simulate(what: Edited | Regimen | str, population: Population | str | None = None, *, patients: int = 1000,
             draws: Draws | int | str = 200, seed: int = 1) -> Histories:
    """Virtual patients under a regimen: events, readings and burden of each in every draw; see `remission.engine.simulate`.

    `what` is a regimen (with a `population`) or an arm as TRIAL/ARM (its own regimen, in its own population unless another is
    given). Enrolment
    and endpoints are not applied. Research use only.
    """
    from remission.base.errors import UsageError
    from remission.engine.simulate import simulate as run

    if isinstance(what, str) and "/" in what and not what.strip().endswith(".yaml"):
        from remission.inference import find_arm
        from remission.protocol import load_regimen

        _, _, arm = find_arm(what)
        return run(load_regimen(arm.regimen), _who(population or arm.population), _draws(draws, seed), _patients(patients), seed)
    if population is None:
        raise UsageError("a regimen was given without a population", where="simulate", near="e1910",
                         why="a regimen says what is done, not to whom", fix='give a population, or an arm such as "e1910/blinatumomab"')
    return run(_plan(what), _who(population), _draws(draws, seed), _patients(patients), seed)


def predict(arm: str, endpoint: str, *, where: str | None = None, enrolled: int | None = None, patients: int = 2000,
            draws: Draws | int | str = 200, seed: int = 1) -> dict[str, Any]:
    """What a trial's arm would report; see `remission.inference.ask`. Research use only."""
    from remission.inference import ask

    return ask(arm, endpoint, _draws(draws, seed), _patients(patients), seed, where, enrolled)


def _plan(item: Edited | Regimen | str) -> Regimen:
    from remission.protocol import Edited

    found = regimen(item) if isinstance(item, str) else item
    return found.regimen if isinstance(found, Edited) else found


def _who(item: Population | str) -> Population:
    return population(item) if isinstance(item, str) else item


def _draws(asked: Draws | int | str, seed: int) -> Draws:
    """Draws as they were given, or loaded by number or name; warns where a posterior is older than the program or the catalog."""
    if not isinstance(asked, int | str):
        return asked
    import warnings

    from remission.doors._draws import parse_draws
    from remission.engine import load_draws

    found = load_draws(*parse_draws(str(asked), 200), seed)
    for sentence in getattr(found, "stale", ()):
        warnings.warn(sentence, stacklevel=3)
    return found


def _patients(count: int) -> int:
    from remission.base.errors import UsageError

    if count < 1:
        raise UsageError(f"{count} patients were asked for", where="patients", why="a simulation needs at least one", near="1",
                         fix="give 1 or more")
    return count
