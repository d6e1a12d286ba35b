"""Courses for tests: resolved phases written as plain data."""

from typing import Any

from remission.base import catalog
from remission.engine.intensity import COUNTED
from remission.protocol import Drug, Phase, load_drug


def course(*gives: dict[str, Any], length: int = 28, **more: Any) -> Phase:
    """A resolved phase with these drugs."""
    return Phase.model_validate({"id": "course", "length": f"{length} d", "give": list(gives), **more})


def give(drug: str, dose: str, days: Any = "1", **more: Any) -> dict[str, Any]:
    """One drug on some days, by the first route that is not intrathecal."""
    route = more.pop("route", next(route for route in load_drug(drug).routes if route != "it"))
    return {"drug": drug, "dose": dose, "days": days, "route": route, **more}


def counted() -> list[Drug]:
    """The drugs of the catalog that make a course's intensity."""
    return [drug for drug in map(load_drug, catalog.ids("drugs")) if drug.mechanism in COUNTED]


def age(years: float) -> dict[tuple[str, str | None], float]:
    """What a condition asks of a patient of this age."""
    return {("age", None): years}
