"""Does the comparison find what differs in meaning, and nothing else?"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from tests.protocol.generated import machine, read

from remission.base import catalog, files
from remission.protocol import Regimen, compare_protocols, load_regimen, read_regimen


def data_of(identifier: str) -> dict[str, Any]:
    data: dict[str, Any] = files.read(catalog.path("regimens", identifier)).data
    return data


def phase_of(data: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(phase for phase in data["phases"] if phase["id"] == name)
    return found


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_a_regimen_equals_itself(identifier: str) -> None:
    plan = load_regimen(identifier)
    result = compare_protocols(plan, plan)
    assert result.equal
    assert not result.names
    assert "Equal by meaning" in str(result)


@settings(max_examples=30, deadline=None)
@given(machine())
def test_a_generated_regimen_equals_itself(plan: Regimen) -> None:
    assert compare_protocols(plan, plan).equal


@settings(max_examples=30, deadline=None)
@given(machine(), machine())
def test_the_comparison_is_symmetric(a: Regimen, b: Regimen) -> None:
    there, back = compare_protocols(a, b), compare_protocols(b, a)
    assert there.equal == back.equal
    assert there.equal == (not there.to_dict()["differences"])


def dose(data: dict[str, Any]) -> None:
    phase_of(data, "course-ib")["give"][0]["dose"] = "0.6 mg/m2"


def day(data: dict[str, Any]) -> None:
    phase_of(data, "course-ib")["give"][0]["days"] = "1, 8, 16"


def order(data: dict[str, Any]) -> None:
    data["phases"].insert(5, data["phases"].pop(4))  # course-ii-2 after course-iii


def branch(data: dict[str, Any]) -> None:
    phase_of(data, "course-ii-2")["then"][0]["stop"] = "off protocol"


def target(data: dict[str, Any]) -> None:
    phase_of(data, "course-ia")["then"][0]["if"] = "cytoreduction or cr(course-ia)"


def assessment(data: dict[str, Any]) -> None:
    phase_of(data, "course-ii-2")["assess"][1]["limit"] = 1e-5


def length(data: dict[str, Any]) -> None:
    phase_of(data, "course-iv")["length"] = "35 d"


def patients(data: dict[str, Any]) -> None:
    data["eligibility"][0] = "age >= 65"


def route(data: dict[str, Any]) -> None:
    phase_of(data, "course-iv")["give"][0]["route"] = "iv"


def share(data: dict[str, Any]) -> None:
    phase_of(data, "course-iv")["share"] = "80 %"


def lost(data: dict[str, Any]) -> None:
    data["phases"] = [phase for phase in data["phases"] if phase["id"] != "course-v"]


@pytest.mark.parametrize(("change", "kind"), [
    (dose, "dose"), (day, "day"), (order, "order"), (branch, "branch"), (target, "branch"), (assessment, "assessment"), (length, "length"),
    (patients, "eligibility"), (route, "drug"), (share, "share"), (lost, "phase")])
def test_a_change_of_meaning_is_found(change: Callable[[dict[str, Any]], None], kind: str) -> None:
    changed = data_of("a041703")
    change(changed)
    if change is route:
        phase_of(changed, "course-iv")["give"][0]["dose"] = "500 mg/m2"
    result = compare_protocols(load_regimen("a041703"), read(changed))
    assert not result.equal
    assert kind in {item.kind for item in result.differences}
    assert kind in str(result)


def grams(data: dict[str, Any]) -> None:
    phase_of(data, "course-iii")["give"][0]["dose"] = "0.015 g"


def weeks(data: dict[str, Any]) -> None:
    phase_of(data, "course-ib")["length"] = "4 wk"


def words(data: dict[str, Any]) -> None:
    data["title"], data["notes"], data["summary"] = "Other", [], "Other."
    phase_of(data, "course-ib")["title"] = "Something else"


def split(data: dict[str, Any]) -> None:
    give = phase_of(data, "course-ib")["give"]
    give[:1] = [{**give[0], "days": "1"}, {**give[0], "days": [8, 15]}]


def turned(data: dict[str, Any]) -> None:
    phase_of(data, "course-ib")["only"] = "cr(course-ia) and cytoreduction"


def sourced(data: dict[str, Any]) -> None:
    phase_of(data, "course-ib")["source"] = {"ref": "pourhassan-2023", "at": "text"}


@pytest.mark.parametrize("change", [grams, weeks, words, split, turned, sourced])
def test_another_way_to_write_the_same_is_no_difference(change: Callable[[dict[str, Any]], None]) -> None:
    changed = data_of("a041703")
    change(changed)
    if change is grams:
        plan = load_regimen("a041703")
        doses = [give.model_copy(update={"dose": give.dose.parse("0.015 g")}) if give.route == "it" else give
                 for give in plan.phases[5].give]
        other = plan.model_copy(update={"phases": tuple(
            phase.model_copy(update={"give": tuple(doses)}) if phase.id == "course-iii" else phase for phase in plan.phases)})
    else:
        other = read(changed)
    assert compare_protocols(load_regimen("a041703"), other).equal


def test_renamed_phases_and_assessments_do_not_count_but_are_named() -> None:
    text = catalog.path("regimens", "a041703").read_text(encoding="utf-8")
    renamed = text.replace("post-blina-1", "after-cycle-1").replace("id: course-ib", "id: second-course").replace(
        "go: course-ib", "go: second-course").replace("cr(course-ia)", "cr(after-ia)").replace("{name: course-ia,", "{name: after-ia,")
    result = compare_protocols(load_regimen("a041703"), read_regimen(files.read_text(renamed, "renamed")))
    assert result.equal
    assert {("course-ib", "second-course"), ("post-blina-1", "after-cycle-1"), ("course-ia", "after-ia")} == set(result.names)


def test_the_arms_of_e1910_differ_by_blinatumomab() -> None:
    result = compare_protocols(load_regimen("e1910-blinatumomab"), load_regimen("e1910-chemotherapy"))
    assert {item.where for item in result.differences if item.kind == "phase" and item.first} >= {f"blinatumomab-{n}" for n in (1, 2, 3, 4)}
    assert len(result.totals[0].cycles) == 4
    assert result.totals[1].cycles == ()
    assert all(last - first == 27 for first, last in result.totals[0].cycles)
    assert "no blinatumomab cycle" in str(result)


def test_totals_are_in_canonical_units() -> None:
    """Four cycles of 28 ug/d for 28 days, by hand: 4 x 28 x 28 ug = 3.136 mg."""
    sums = compare_protocols(load_regimen("e1910-blinatumomab"), load_regimen("e1910-blinatumomab")).totals[0]
    assert sums.drugs[("blinatumomab", "systemic", "mg", "")] == pytest.approx(3.136)
