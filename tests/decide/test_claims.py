"""Is every statement there, does every experiment run, and are verdicts given by the rule?"""

import json

import numpy as np
import pytest
from tests.sample import draws

from remission.base import catalog, files
from remission.base.errors import InvalidFile, NotFound, UsageError
from remission.base.files import Document
from remission.decide import claim, load_claims, run_claims
from remission.decide.claims import CANNOT_TELL, CONTRADICTED, SUPPORTED, Claim, together, verdict_of
from remission.decide.experiments import Laboratory, Searched, names, probability, regimen_of
from remission.decide.spread import Spread

STATEMENTS = {  # what the review says, by the claim that tests it, and the measures it must be put to
    "debulking-older": ("CR", "CRS3+"),
    "mrd-response-by-level": ("MRD-@post-blina-1",),
    "benefit-mrd-negative": ("OS@36mo", "relapse@36mo", "death in remission@36mo"),
    "alternation-tolerated": ("death in remission@36mo",),
    "deaths-in-remission-70": ("death in remission@36mo",),
    "with-or-without-blinatumomab": ("OS@36mo",),
    "d-alba-molecular-response": ("MRD-@post-blina-2",),
    "dfs-by-molecular-response": ("DFS@24mo",),
    "ikzf1-in-d-alba": ("DFS@24mo",),
    "adverse-genetics-older": ("OS@36mo",),
    "ph-like-early-relapse": ("relapse@18mo",),
    "cns-without-chemotherapy": ("CNS relapse@24mo",),
    "more-intrathecal": ("CNS relapse@24mo",),
    "severe-crs-range": ("CRS3+",),
    "severe-neurotoxicity-range": ("NT3+",),
    "ponatinib-or-dasatinib": ("EFS@36mo",),
    "subcutaneous": ("EFS@36mo",),
    "seven-or-fourteen-days": ("EFS@36mo",),
}


@pytest.fixture(scope="module")
def result():
    return run_claims(load_claims(), draws(6), 30, 1)


def measures(item: Claim) -> set[str]:
    told: set[str] = set()
    for part in item.parts:
        data = part.model_dump()
        told |= {data[key] for key in ("measure",) if key in data} | (
            {data["a"], data["b"]} if data["experiment"] == "within" else set()
        )
    return told


def test_every_statement_of_the_review_is_tested():
    known = {item.id: item for item in load_claims()}
    assert len(known) == len(load_claims())
    for name, needed in STATEMENTS.items():
        assert set(needed) <= measures(known[name]), name
    assert all(item.source.ref == "pourhassan-2023" and item.source.at for item in load_claims())


def test_told_parameters_exist_and_vary_the_answer_only_by_themselves():
    known = set(draws(1).names)
    for item in load_claims():
        assert {told.parameter for told in item.assumed} <= known, item.id


def test_populations_and_regimens_exist():
    for item in load_claims():
        for part in item.parts:
            data = part.model_dump()
            for population in [
                data.get("population"),
                *(setting["population"] for setting in data.get("settings", [])),
            ]:
                assert population is None or population in catalog.ids("populations"), item.id


def test_every_experiment_runs_and_is_judged_by_the_rule(result):
    assert len(result["claims"]) == len(load_claims())
    for row in result["claims"]:
        for part in row["parts"]:
            assert part["verdict"] in (SUPPORTED, CONTRADICTED, CANNOT_TELL)
            chance = part["probability"]
            if part["draws"] == result["draws"]:
                assert 0 <= chance <= 1
                assert part["verdict"] == (
                    SUPPORTED if chance >= 0.9 else CONTRADICTED if chance <= 0.1 else CANNOT_TELL
                ), row["id"]
        assert row["verdict"] == together([part["verdict"] for part in row["parts"]])
        assert bool(row["reason"]) == bool(row["told"] or row["assumed"])
    counts = result["summary"]
    assert counts["n"] == counts["supported"] + counts["contradicted"] + counts["cannot tell"]
    json.dumps(result, allow_nan=False)


def test_the_verdicts_by_hand():
    assert [verdict_of(chance) for chance in (0.0, 0.1, 0.11, 0.89, 0.9, 1.0, float("nan"))] == [
        CONTRADICTED, CONTRADICTED, CANNOT_TELL, CANNOT_TELL, SUPPORTED, SUPPORTED, CANNOT_TELL]  # fmt: skip
    assert together([SUPPORTED, SUPPORTED]) == SUPPORTED
    assert together([SUPPORTED, CANNOT_TELL]) == CANNOT_TELL
    assert together([SUPPORTED, CANNOT_TELL, CONTRADICTED]) == CONTRADICTED


def parsed(text: str) -> Claim:
    return files.parse(files.read_text(text, "claims.yaml"), Claim)


HEAD = """
id: a
title: t
statement: s
source: {ref: pourhassan-2023, at: x}
parts:
"""


@pytest.mark.parametrize(("expect", "margin", "chances"), [
    ("higher", 0.0, (1, 1, 0, 0)), ("lower", 0.0, (0, 0, 1, 1)), ("higher", 0.1, (1, 0, 0, 0)), ("lower", 0.1, (0, 0, 0, 1)),
    ("similar", 0.5, (1, 1, 1, 1)), ("similar", 0.1, (0, 1, 1, 0)), ("not lower", 0.1, (1, 1, 1, 0)), ("not higher", 0.1, (0, 1, 1, 1)),
])  # fmt: skip
def test_what_is_expected_is_asked(expect, margin, chances):
    more = f", margin: {margin}" if margin else ""
    head = "  - {title: p, experiment: compare, population: s1318, a: s1318, b: s1318, measure: CR, expect: "
    part = parsed(f"{HEAD}{head}{expect}{more}}}\n").parts[0]
    sure = [Spread(np.full(50, value), np.zeros(50)) for value in (0.3, 0.05, -0.05, -0.3)]
    assert tuple(probability(part, found) for found in sure) == chances


@pytest.mark.parametrize("part", [
    "{title: p, experiment: guess, population: s1318, a: s1318, b: s1318, measure: CR, expect: higher}",
    "{title: p, experiment: compare, population: s1318, a: s1318, b: s1318, measure: PFS@36mo, expect: higher}",
    "{title: p, experiment: compare, population: s1318, a: s1318, b: s1318, measure: CR, expect: similar}",
    "{title: p, experiment: compare, population: s1318, a: s1318, b: s1318, measure: CR, expect: inside}",
    "{title: p, experiment: compare, population: s1318, a: s1318, b: s1318, measure: CR, expect: higher, where: import os}",
    "{title: p, experiment: compare, population: s1318, a: s1318, b: s1318, measure: CR, expect: higher, code: 1}",
])  # fmt: skip
def test_experiments_outside_the_closed_list_are_refused(part):
    with pytest.raises(InvalidFile):
        parsed(HEAD + f"  - {part}\n")


def test_a_verdict_that_rests_on_a_parameter_is_found_out():
    """Neurotoxicity grows with exposure by a parameter: without it, patients with faster clearance are no different."""
    told = parsed(HEAD.replace("parts:", "assumed: [{parameter: ponatinib_potency, neutral: 1.0, why: x}, "
                               "{parameter: resistant_ponatinib, neutral: 0.0, why: y}]\nparts:") +
                  "  - {title: p, experiment: compare, population: d-alba, measure: EFS@36mo, expect: higher,\n"
                  "     a: {ph: positive, first: inhibitor, maintenance: inhibitor, inhibitor: ponatinib},\n"
                  "     b: {ph: positive, first: inhibitor, maintenance: inhibitor, inhibitor: dasatinib}}\n")  # fmt: skip
    row = run_claims([told], draws(20), 80, 1)["claims"][0]
    assert row["verdict"] == SUPPORTED
    assert row["assumed"]
    again = row["told"][0]["parts"][0]
    assert again["result"]["median"] == 0.0  # the two inhibitors are then the same drug
    assert "cannot tell" in row["reason"]


def test_an_unknown_parameter_is_refused():
    claim_ = parsed(
        HEAD.replace("parts:", "assumed: [{parameter: crs_burdn, neutral: 0.0, why: x}]\nparts:")
        + "  - {title: p, experiment: compare, population: s1318, a: s1318, b: s1318, measure: CR, expect: higher}\n"
    )
    with pytest.raises(UsageError) as caught:
        run_claims([claim_], draws(2), 10, 1)
    assert caught.value.near == "crs_burden"


def test_nobody_in_a_subgroup_cannot_be_told():
    text = "  - {title: p, experiment: subgroups, population: s1318, strategy: s1318, measure: CR,\n"
    empty = parsed(HEAD + text + "     a: 'age < 30', b: 'age >= 30', expect: higher}\n")
    row = run_claims([empty], draws(3), 20, 1)["claims"][0]
    assert row["verdict"] == CANNOT_TELL
    assert row["parts"][0]["probability"] is None


def test_an_interaction_is_the_difference_of_two_differences():
    text = (
        "  - {title: p, experiment: interaction, measure: OS@24mo, expect: higher, here: {population: e1910, a: e1910-blinatumomab,\n"
        "     b: e1910-chemotherapy}, there: {population: e1910, a: e1910-chemotherapy, b: e1910-blinatumomab}}\n"
    )
    item = parsed(HEAD + text).parts[0]
    laboratory = Laboratory(draws(5), 40, 1)
    outcome = laboratory.outcome(item)
    forth, back = (side[1].by_draw for side in outcome.sides)
    assert outcome.found.by_draw == pytest.approx(forth - back)
    assert forth == pytest.approx(-back)


def test_strategies_are_named_by_what_differs():
    a, b = Searched(first="reduced"), Searched(first="steroid")
    assert names(a, b)[0].startswith("Reduced-intensity chemotherapy")
    assert names(Searched(first="reduced", intrathecal=12), Searched(first="reduced", intrathecal=4)) == (
        "12 intrathecal doses",
        "4 intrathecal doses",
    )
    assert names("s1318", a)[0] == "s1318"
    assert regimen_of("like s1318, but remove consolidation-3").id == "s1318-edited"


def test_unknown_claims_are_refused_with_the_nearest():
    with pytest.raises(NotFound) as caught:
        claim("debulking-oldr")
    assert caught.value.near == "debulking-older"


def test_errors_name_the_line_of_the_file():
    document = files.read(catalog.root() / "claims.yaml")
    broken = json.loads(json.dumps(document.data))
    broken["claims"][2]["parts"][1]["measure"] = "PFS@36mo"
    with pytest.raises(InvalidFile) as caught:
        files.parse(Document("claims.yaml", broken, document.lines), Claim, ("claims", 2))
    assert "claims.yaml:" in caught.value.where
