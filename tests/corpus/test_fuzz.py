"""Whatever stands in a file, reading it gives a regimen or a RemissionError, soon; and what was read is stable.

Each run tries the same examples. For a longer search with other examples: REMISSION_FUZZ=100 pytest tests/corpus/test_fuzz.py
"""

import json
import os
import time

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests.corpus import made

from remission.base import files
from remission.base.errors import Problem, RemissionError
from remission.base.units import UNITS, Quantity
from remission.protocol import (
    Condition,
    Regimen,
    administrations,
    human_text,
    read_regimen,
    resolve,
    timeline,
    warnings,
)
from remission.protocol.conditions import negate
from remission.protocol.logic import Reasoner, groups, may_hold
from remission.protocol.model import _days

TIMES = int(os.environ.get("REMISSION_FUZZ", "1"))
SECONDS = 5.0  # processor time for one example of a few thousand bytes


def tries(examples: int) -> settings:
    return settings(max_examples=examples * TIMES, derandomize=TIMES == 1, deadline=None, database=None,
                    suppress_health_check=list(HealthCheck))


def read(raw: str | bytes) -> Regimen | RemissionError:
    """The regimen, or the error that refuses it; anything else is a finding."""
    begun = time.process_time()
    try:
        return read_regimen(files.read_text(raw, "fuzz"))
    except RemissionError as error:
        return error
    finally:
        assert time.process_time() - begun < SECONDS


def in_order(error: RemissionError) -> None:
    """A refusal names the place, the rule and the remedy, in characters that print."""
    assert error.what
    assert error.where.startswith("fuzz"), error
    assert error.why, error
    assert error.fix, error
    assert all(text.isprintable() for text in error.parts().values()), error.parts()


def stable(plan: Regimen) -> None:
    """What is read can be resolved again, drawn, listed, warned of and written down, and reads back as the same plan."""
    assert resolve(plan) == plan
    timeline(plan)
    administrations(plan)
    warnings(plan)
    machine = json.dumps(plan.model_dump(mode="json", by_alias=True, exclude_none=True), ensure_ascii=False)
    assert read_regimen(files.read_text(machine, "machine")) == plan
    assert read_regimen(files.read_text(human_text(plan), "human")) == plan


def judge(raw: str | bytes) -> None:
    answer = read(raw)
    event(type(answer).__name__)
    if isinstance(answer, RemissionError):
        in_order(answer)
    else:
        stable(answer)


def parsed(kind, value):
    """The value of a small language, or the Problem with it."""
    try:
        return kind(value)
    except Problem as problem:
        return problem


@tries(300)
@given(st.one_of(st.text(max_size=300), st.lists(made.TOKENS, max_size=60).map("".join)))
def test_any_text(text):
    judge(text)


@tries(200)
@given(st.binary(max_size=300))
def test_any_bytes(raw):
    judge(raw)


@tries(800)
@given(made.damaged())
def test_damaged_files(raw):
    judge(raw)


@tries(500)
@given(made.regimens)
def test_structures_that_nearly_are_regimens(data):
    judge(json.dumps(data, ensure_ascii=False))


@tries(150)
@given(made.sound_regimens())
def test_structures_that_are_regimens(data):
    """Most are read; the rest have a phase that nobody can reach, or ask for a drug too early."""
    judge(json.dumps(data, ensure_ascii=False))


def test_generated_regimens_are_not_all_refused():
    answers = []

    @tries(60)
    @given(made.sound_regimens())
    def attempt(data):
        answers.append(read(json.dumps(data, ensure_ascii=False)))

    attempt()
    assert sum(isinstance(answer, Regimen) for answer in answers) >= len(answers) / 3


def test_seeds_are_there():
    """The files that are damaged here: the whole catalog and nearly the whole corpus."""
    assert len(made.SEEDS) >= 28 + 300


@tries(400)
@given(st.one_of(made.conditions_that_hold(), made.conditions_in_words, st.text(max_size=80)))
def test_condition_is_read_and_reads_back_or_is_refused(text):
    condition = parsed(Condition.parse, text)
    if isinstance(condition, Problem):
        assert condition.why
        assert condition.fix
        return
    assert Condition.parse(str(condition)) == condition
    opposite = Condition(negate(condition.term))
    assert Condition.parse(str(opposite)) == opposite
    assert negate(opposite.term) == condition.term


@tries(200)
@given(made.conditions_that_hold())
def test_condition_or_its_opposite_holds_for_each_patient(text):
    condition = Condition.parse(text)
    opposite = Condition(negate(condition.term))
    cases = groups([condition], among=lambda subject: True)
    for case in cases if cases != [{}] else []:
        assert may_hold(condition, case) != may_hold(opposite, case)
    if cases != [{}]:
        assert not Reasoner().possible([condition], [condition])
        assert not Reasoner().possible([condition, opposite])
    assert Reasoner().possible([condition]) or Reasoner().possible([opposite])


@tries(200)
@given(made.conditions_that_hold(), made.conditions_that_hold())
def test_possible_agrees_with_trying_every_group(first, second):
    pair = [Condition.parse(first), Condition.parse(second)]
    cases = groups(pair, among=lambda subject: True)
    if cases != [{}]:
        assert Reasoner().possible(pair) == any(all(may_hold(condition, case) for condition in pair) for case in cases)


numbers_with_units = st.builds("{} {}".format, st.floats(allow_nan=False), st.sampled_from([*UNITS, "x", "", "µg/d", "days"]))
numbers_beside_units = st.builds("{}{}".format, st.decimals(allow_nan=False, places=3), st.sampled_from(list(UNITS)))


@tries(500)
@given(st.one_of(st.text(max_size=70), numbers_with_units, numbers_beside_units))
def test_quantity_is_read_and_reads_back_or_is_refused(text):
    quantity = parsed(Quantity.parse, text)
    if isinstance(quantity, Problem):
        assert quantity.unit
        assert quantity.why
        assert quantity.fix
        return
    assert Quantity.parse(str(quantity)) == quantity


lists_of_days = st.lists(st.one_of(st.integers(-2, 3800), st.text("0123456789-", max_size=6)), max_size=6)


@tries(300)
@given(st.one_of(st.text("0123456789-, ", max_size=40), made.odd, lists_of_days))
def test_days_are_read_and_read_back_or_are_refused(value):
    days = parsed(_days, value)
    if isinstance(days, Problem):
        assert days.why
        assert days.fix
        return
    assert days == tuple(sorted(set(days)))
    assert _days(list(days)) == days == _days(", ".join(map(str, days)))
