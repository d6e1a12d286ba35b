"""Are the FHIR resources valid R4, complete, and equal in content to the plan?"""

from __future__ import annotations

import copy
import json
from datetime import date
from functools import cache
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.careplan import CarePlan
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.plandefinition import PlanDefinition
from pydantic import ValidationError
from tests.protocol_calendar.sample import IDS, plan_of, regimen
from tests.protocol_calendar.value_sets import problems

from remission.doors import NOTICE
from remission.protocol import Person, export_plan, plan_definition
from remission.protocol.plan import phase_days

NOBODY_KNOWN = Person(bsa_m2=1.85, age_y=44.0, weight_kg=78.0)
UNIT = {"[IU]": "IU"}


@cache
def bundle(identifier: str) -> dict[str, Any]:
    return json.loads(export_plan(plan_of(identifier), "fhir"))  # type: ignore[no-any-return]


def resources(whole: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in whole["entry"] if entry["resource"]["resourceType"] == kind]


def days(period: dict[str, str]) -> int:
    return (date.fromisoformat(period["end"]) - date.fromisoformat(period["start"])).days + 1


@pytest.mark.parametrize("identifier", IDS)
def test_the_calendar_is_valid_fhir(identifier: str) -> None:
    whole = bundle(identifier)
    Bundle.model_validate(whole)
    assert len(resources(whole, "CarePlan")) == 1
    CarePlan.model_validate(resources(whole, "CarePlan")[0])
    for request in resources(whole, "MedicationRequest"):
        MedicationRequest.model_validate(request)
    assert list(problems(whole)) == []


@pytest.mark.parametrize("identifier", IDS)
def test_the_regimen_is_a_valid_plan_definition(identifier: str) -> None:
    found = plan_definition(regimen(identifier))
    PlanDefinition.model_validate(found)
    assert list(problems(found)) == []


@pytest.mark.parametrize("identifier", IDS)
def test_the_requests_add_up_to_the_plan(identifier: str) -> None:
    sums: dict[tuple[str, str], float] = {}
    for request in resources(bundle(identifier), "MedicationRequest"):
        drug = request["medicationCodeableConcept"]["text"]
        for item in request["dosageInstruction"]:
            repeat, amount = item["timing"]["repeat"], item["doseAndRate"][0]
            length = days(repeat["boundsPeriod"])
            if "rateQuantity" in amount:
                value, code = amount["rateQuantity"]["value"] * length, amount["rateQuantity"]["code"].removesuffix("/d")
                assert repeat["duration"] == 24 * length
            else:
                assert (repeat["period"], repeat["periodUnit"]) == (1, "d")
                value, code = amount["doseQuantity"]["value"] * repeat["frequency"] * length, amount["doseQuantity"]["code"]
            key = drug, UNIT.get(code, code)
            sums[key] = sums.get(key, 0.0) + value
    assert sums == pytest.approx(plan_of(identifier).totals(), rel=1e-8)


@pytest.mark.parametrize("identifier", IDS)
def test_every_reference_leads_to_a_resource_of_the_bundle(identifier: str) -> None:
    whole = bundle(identifier)
    urls = {entry["fullUrl"] for entry in whole["entry"]}
    assert len(urls) == len(whole["entry"])
    assert all(entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}" for entry in whole["entry"])
    care = resources(whole, "CarePlan")[0]
    referred = {item["reference"]["reference"] for item in care["activity"] if "reference" in item}
    assert referred == urls - {f"urn:uuid:{care['id']}"}
    for request in resources(whole, "MedicationRequest"):
        assert [item["reference"] for item in request["basedOn"]] == [f"urn:uuid:{care['id']}"]
    assert all(("reference" in item) != ("detail" in item) for item in care["activity"])


def test_the_notice_stands_in_every_resource() -> None:
    for entry in bundle("e1910-blinatumomab")["entry"]:
        resource = entry["resource"]
        assert NOTICE in resource["text"]["div"]
        assert resource["note"][0]["text"] == NOTICE
        assert resource["meta"]["security"][0]["code"] == "HTEST"
    assert plan_definition(regimen("s1318"))["usage"] == NOTICE


def test_undecided_drugs_are_no_requests_and_stand_in_the_care_plan() -> None:
    whole = json.loads(export_plan(plan_of("e1910-blinatumomab", NOBODY_KNOWN), "fhir"))
    assert "rituximab" not in {item["medicationCodeableConcept"]["text"] for item in resources(whole, "MedicationRequest")}
    details = [item["detail"] for item in resources(whole, "CarePlan")[0]["activity"] if "detail" in item]
    undecided = [item for item in details if item["status"] == "unknown"]
    assert len(undecided) == 4
    assert {item["statusReason"]["text"] for item in undecided} == {"cd20 is not known"}
    assert all("rituximab 375 mg/m2 iv" in item["description"] and "cd20 >= 20" in item["description"] for item in undecided)


def test_bags_stays_intrathecal_days_and_assessments_are_activities() -> None:
    plan = plan_of("d-alba")
    details = [item["detail"] for item in resources(bundle("d-alba"), "CarePlan")[0]["activity"] if "detail" in item]
    kinds = [item["code"]["text"] for item in details]
    assert kinds.count("pump bag") == len(plan.bags)
    assert kinds.count("hospital") == 2
    assert kinds.count("supervised start") == 3
    assert kinds.count("intrathecal day") == 12
    assert kinds.count("assessment") == len(plan.measurements)


def actions(found: dict[str, Any]) -> list[dict[str, Any]]:
    inner = found.get("action", [])
    return [*inner, *(each for item in inner for each in actions(item))]


@pytest.mark.parametrize("identifier", IDS)
def test_the_plan_definition_holds_every_day_of_every_drug(identifier: str) -> None:
    whole = plan_definition(regimen(identifier))
    contained = {f"#{item['id']}": item for item in whole["contained"]}
    by_id = {item["id"]: item for item in actions(whole)}
    assert len(by_id) == len(actions(whole))
    used = {item["definitionCanonical"] for item in by_id.values() if "definitionCanonical" in item}
    assert used == set(contained)  # a contained resource that nothing refers to is invalid
    for item in by_id.values():
        assert all(related["actionId"] in by_id for related in item.get("relatedAction", []))
    for phase in regimen(identifier).phases:
        assert by_id[phase.id]["timingDuration"]["value"] == phase_days(phase)
        for index, give in enumerate(phase.give):
            found: list[int] = []
            for run in by_id[f"{phase.id}.give.{index}"]["action"]:
                offset = run["relatedAction"][0]["offsetDuration"]["value"]
                found += range(offset + 1, offset + 1 + run["timingTiming"]["repeat"]["boundsDuration"]["value"])
                assert contained[run["definitionCanonical"]]["productCodeableConcept"]["text"] == give.drug
            assert tuple(found) == give.days


def test_conditions_branches_and_sources_are_in_the_plan_definition() -> None:
    whole = plan_definition(regimen("e1910-blinatumomab"))
    by_id = {item["id"]: item for item in actions(whole)}
    asked = {item["condition"][0]["expression"]["expression"] for item in by_id.values() if "condition" in item}
    assert {"cd20 >= 20", "age < 55", "age >= 55", "not cr", "transplanted", "cr"} <= asked
    assert by_id["intensification.randomise"]["description"] == "between e1910-blinatumomab and e1910-chemotherapy"
    assert {"litzow-2022", "nct02003222"} <= {item["label"] for item in whole["relatedArtifact"]}
    assert any("url" in item for item in whole["relatedArtifact"])


@pytest.mark.parametrize(("path", "code"), [
    (("status",), "nonsense"), (("intent",), "wish"),
    (("dosageInstruction", 0, "timing", "repeat", "periodUnit"), "fortnight"),
    (("dosageInstruction", 0, "doseAndRate", 0, "doseQuantity", "code"), "spoon")])
def test_our_own_check_sees_a_code_that_the_library_lets_pass(path: tuple[str | int, ...], code: str) -> None:
    request = copy.deepcopy(resources(bundle("e1910-blinatumomab"), "MedicationRequest")[0])
    place: Any = request
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = code
    MedicationRequest.model_validate(request)
    assert len(list(problems(request))) == 1


def test_the_library_sees_a_key_that_fhir_does_not_have() -> None:
    request = copy.deepcopy(resources(bundle("e1910-blinatumomab"), "MedicationRequest")[0])
    request["dosageInstruction"][0]["dose"] = 1
    with pytest.raises(ValidationError):
        MedicationRequest.model_validate(request)


def test_identifiers_stay_when_the_start_moves() -> None:
    later = json.loads(export_plan(plan_of("s1318", start=date(2030, 5, 5)), "fhir"))
    assert [entry["fullUrl"] for entry in later["entry"]] == [entry["fullUrl"] for entry in bundle("s1318")["entry"]]
