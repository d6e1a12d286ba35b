"""Is everybody given what the plan says while they are there for it, by hand-made histories and in a run?"""

import numpy as np
import pytest
from tests.sample import HEAD, draws, plan, population, regimen
from tests.simulate.small import ARMS, ask, histories

from remission.base import files
from remission.base.histories import Histories, Slot
from remission.engine.simulate import simulate
from remission.outcomes.tables import Part, write_part
from remission.outcomes.tables.doses import entries, exposures
from remission.outcomes.tables.when import holds_at
from remission.protocol import Condition, read_regimen

PHASES = """
  - id: one
    length: 21 d
    purpose: induction
    chemotherapy: intensive induction
    give:
      - {drug: vincristine, dose: 1.4 mg/m2, cap: 2 mg, route: iv, days: "1, 8, 15"}
      - {drug: dexamethasone, dose: 10 mg/m2, route: po, days: "1-5, 11-14", per_day: 2, only: age < 60}
    assess: [{name: end, what: remission}]
  - id: two
    length: 42 d
    give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: "1-28"}]
    only: cr(end)
  - {id: sct, length: 1 d, purpose: transplant, only: cr(end), share: 20 %}
  - id: three
    length: 28 d
    give: [{drug: mercaptopurine, dose: 75 mg/m2, route: po, days: "1-28", only: not transplanted}]
"""
BESIDE = """
alongside: [{drug: ponatinib, dose: 30 mg, route: po, from: two, to: lifelong}]
"""


def made(starts, relapse=(), death=(), end=(), transplant=(), age=()):
    """Histories by hand: one draw, phases one, two and three beginning on given days; a transplant phase begins with it."""
    count = len(starts)

    def days(given):
        return np.array([[np.inf if one is None else float(one) for one in (given or [None] * count)]])

    event = {"relapse": days(relapse), "death": days(death), "treatment_end": days(end), "transplant": days(transplant)}
    event |= {"failure": days(()), "remission": np.full((1, count), 21.0)}
    event |= {"site": np.zeros((1, count)), "cause": np.ones((1, count))}
    event |= {name: np.zeros((1, count)) for name in ("crs3", "nt3", "vod", "blinatumomab")}
    values, when = np.ones((1, count, 1)), np.full((1, count, 1), 21.0)
    covariates = {"age": np.array([age or [40.0] * count])}
    sct = np.where(np.isfinite(event["transplant"]), event["transplant"], np.nan)[0]
    started = np.insert(np.array(starts, np.float32), 2, sct, axis=1)[None]
    return Histories("test", "test", (0,), (Slot("end", "remission", -4.0, False),), event, covariates, values, when, np.zeros(0),
                     np.zeros((1, count, 0)), ("one", "two", "sct", "three"), started)  # fmt: skip


def given(h, text=PHASES, cut=1000.0, beside=""):
    """Rows of ADEX as (patient, phase, drug, first day, last day, days given, days planned)."""

    rule = read_regimen(files.read_text(HEAD.format(id="test") + text + beside, "test.yaml"))
    entry = entries(rule)
    rows = exposures(Part(h, rule, 0, np.full(h.started.shape[:2], cut)), entry)
    planned = ["-" if np.isnan(one) else int(one) for one in rows["planned"]]
    return [
        (
            int(who),
            entry[k].place,
            entry[k].drug,
            int(np.floor(begin)) + 1,
            int(np.floor(finish)) + 1,
            int(count),
            plan_,
        )
        for who, k, begin, finish, count, plan_ in zip(
            *(rows[name] for name in ("patient", "entry", "begin", "finish", "given")), planned, strict=True
        )
    ]


def test_doses_of_a_whole_course():
    h = made([[0, 21, 63]], end=[91])
    assert given(h) == [
        (0, "one", "vincristine", 1, 15, 3, 3),
        (0, "one", "dexamethasone", 1, 14, 9, 9),
        (0, "two", "blinatumomab", 22, 49, 28, 28),
        (0, "three", "mercaptopurine", 64, 91, 28, 28),
    ]


def test_doses_end_with_relapse_death_treatment_and_cut_off():
    nan = np.nan
    h = made(
        [[0, nan, nan], [0, 21, nan], [0, 21, nan], [0, 21, 63]],
        death=[10.5, None, None, None], relapse=[None, 31.0, None, None], end=[10.5, 31.0, 30.2, 91],
    )  # fmt: skip
    rows = given(h)
    assert [row for row in rows if row[0] == 0] == [
        (0, "one", "vincristine", 1, 8, 2, 3),
        (0, "one", "dexamethasone", 1, 11, 6, 9),
    ]
    assert [row for row in rows if row[0] == 1][2:] == [
        (1, "two", "blinatumomab", 22, 31, 10, 28)
    ]  # relapse at the end of day 31
    assert [row for row in rows if row[0] == 2][2:] == [
        (2, "two", "blinatumomab", 22, 31, 10, 28)
    ]  # in the course of day 31
    cut = [row for row in given(h, cut=70.0) if row[0] == 3]
    assert cut[-1] == (3, "three", "mercaptopurine", 64, 70, 7, 28)


def test_doses_by_condition():
    h = made([[0, 21, 63], [0, 21, 63]], end=[91, 91], age=[59.9, 60.0], transplant=[62.0, None])
    assert [row[:3] for row in given(h) if row[2] in ("dexamethasone", "mercaptopurine")] == [
        (0, "one", "dexamethasone"), (1, "three", "mercaptopurine"),
    ]  # fmt: skip


def test_doses_alongside_go_on_after_the_last_phase():
    h = made([[0, 21, 63], [0, np.nan, np.nan], [0, 21, np.nan]], end=[91, 21, 40], relapse=[200.0, None, 40.0])
    found = [row for row in given(h, beside=BESIDE) if row[2] == "ponatinib"]
    assert found == [
        (0, "two", "ponatinib", 22, 63, 42, 42),
        (0, "three", "ponatinib", 64, 91, 28, 28),
        (0, "AFTER", "ponatinib", 92, 200, 109, "-"),
        (2, "two", "ponatinib", 22, 40, 19, 42),
    ]


def test_a_drug_alongside_runs_through_a_delay_and_others_do_not():
    h = made([[0, 21, 70]], end=[98])
    found = given(h, beside=BESIDE)
    assert [row for row in found if row[1] == "two"] == [
        (0, "two", "blinatumomab", 22, 49, 28, 28),
        (0, "two", "ponatinib", 22, 70, 49, 42),
    ]


def test_exposure_in_the_run(out):
    assert {"imatinib", "dasatinib", "ponatinib"}.isdisjoint(
        row[0] for row in ask(out, "select distinct EXTRT from {adex}")
    )
    wrong = "EXDAYS > EXPLAN or EXDAYS < 1 or ASTDY < 1 or AENDY < ASTDY or AENDY - ASTDY + 1 < EXDAYS or EXADMIN % EXDAYS != 0"
    assert ask(out, f"select * from {{adex}} where {wrong}") == []
    assert (
        ask(
            out,
            "select USUBJID from {adex} join {adsl} using (USUBJID) where AENDY > EOSDY or (PHASE != 'AFTER' and AENDY > TRTEDY)",
        )
        == []
    )
    received = ask(out, "select distinct USUBJID from {adex} where EXTRT = 'blinatumomab' order by 1")
    assert received == ask(out, "select USUBJID from {adsl} where BLINFL = 'Y' order by 1")
    infused = ask(out, "select distinct EXDOSE, EXDOSU, EXROUTE from {adex} where EXTRT = 'blinatumomab'")
    assert infused == [(28.0, "ug/d", "CONTINUOUS INTRAVENOUS INFUSION")]
    older = "EXTRT = 'pegaspargase' and PHASE = 'chemotherapy-1' and AGE >= 55"
    doses = ask(out, f"select distinct EXDOSE, EXDOSCAP from {{adex}} join {{adsl}} using (USUBJID) where {older}")
    assert doses == [(1000.0, "3750 IU")]


@pytest.mark.parametrize(
    "arm", ["s1318-ph", "sc-blina", "lal2820-chemotherapy", "graall-2014", "hcvad-ponatinib", "mdacc-hcvad-blina-ino"]
)
def test_exposure_agrees_with_the_engine(tmp_path, arm):
    """The engine and the table know from different code who was given blinatumomab, and every drug of the plan is given to somebody."""
    rule = plan(arm)
    h = simulate(rule, population("d-alba" if rule.ph == "positive" else "e1910"), draws(2), 100, 3)
    write_part(Part(h, rule, 0, np.full((2, 100), 1800.0)), tmp_path, ("adsl", "adex"), "TEST", 1)
    received = ask(tmp_path, "select distinct USUBJID from {adex} where EXTRT = 'blinatumomab' order by 1")
    assert len(received) == int((h.events["blinatumomab"] > 0).sum())
    assert received == ask(tmp_path, "select USUBJID from {adsl} where BLINFL = 'Y' order by 1")
    drugs = {give.drug for phase in rule.phases for give in phase.give} | {item.drug for item in rule.alongside}
    assert {row[0] for row in ask(tmp_path, "select distinct EXTRT from {adex}")} == drugs
    assert ask(
        tmp_path,
        "select count(*) from {adex} join {adsl} using (USUBJID) where AENDY > EOSDY or (PHASE = 'AFTER') != (EXPLAN is null)",
    ) == [(0,)]


def test_nobody_is_given_anything_in_a_phase_that_was_not_begun(out):
    for arm in ARMS:
        h = histories(arm)
        for phase in ("induction-2", "maintenance-3"):
            began = int((~np.isnan(h.started[..., h.phases.index(phase)])).sum())
            who = ask(
                out, f"select count(distinct USUBJID) from {{adex}} where TRT01P = '{arm}' and PHASE = '{phase}'"
            )[0][0]
            assert 0 < who <= began


def test_conditions_are_read_at_their_time():
    """`transplanted` and `cr` change with time; a result that is not there yet satisfies nothing."""
    h, rule = made([[0, 21, 63], [0, 21, 63]], transplant=[62.0, None]), regimen(PHASES)
    early, late = np.full((1, 2), 25.0), np.full((1, 2), 63.0)

    def holds(text, day):
        return holds_at(h, rule, Condition.parse(text), day)[0].tolist()

    assert holds("transplanted", early) == [False, False]
    assert holds("transplanted", late) == [True, False]
    assert holds("not transplanted", late) == [False, True]
    assert holds("cr", np.full((1, 2), 20.0)) == [False, False]
    assert holds("cr(end) and age < 50", early) == [True, True]
    assert holds("cr(end)", np.full((1, 2), 20.0)) == [False, False]
    assert holds("received(blinatumomab)", early) == [True, True]
    assert holds("received(blinatumomab)", np.full((1, 2), 20.0)) == [False, False]
    assert holds("age < 50", np.array([[np.nan, 3.0]])) == [False, True]
