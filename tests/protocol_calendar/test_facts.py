"""Is a condition decided as logic asks: true or false where the facts suffice, undecided where they do not?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol_calendar.sample import small

from remission.base.errors import UsageError
from remission.protocol import Condition, Person, read_fact
from remission.protocol.conditions import negate
from remission.protocol.dated.facts import Facts

ATOMS = ("age < 55", "cd20 >= 20", "donor", "cns", "cr", "mrd(x) < 1e-4", "mrd(x) = negative", "ikzf1 = plus", "ikzf1 != plus",
         "sex = male", "wbc > 30", "kmt2a")
texts = st.recursive(st.sampled_from(ATOMS), lambda inner: st.one_of(
    inner.map(lambda a: f"not ({a})"), st.tuples(inner, inner).map(lambda p: f"({p[0]}) and ({p[1]})"),
    st.tuples(inner, inner).map(lambda p: f"({p[0]}) or ({p[1]})")), max_leaves=6)
values = st.fixed_dictionaries({}, optional={
    ("age", None): st.floats(18, 90), ("cd20", None): st.floats(0, 100), ("donor", None): st.booleans(),
    ("cns", None): st.booleans(), ("cr", None): st.booleans(), ("kmt2a", None): st.booleans(), ("wbc", None): st.floats(0, 300),
    ("mrd", "x"): st.one_of(st.floats(0, 1), st.sampled_from(["negative", "positive"])),
    ("ikzf1", None): st.sampled_from(["none", "deleted", "plus"]), ("sex", None): st.sampled_from(["male", "female"])})
LIMITS = {"x": 1e-4}


def decide(text: str, known: dict[tuple[str, str | None], float | str | bool], responds: bool = False) -> bool | None:
    return Facts(known, LIMITS, responds).decide(Condition.parse(text)).holds


@given(text=texts, known=values, responds=st.booleans())
def test_a_condition_and_its_opposite_never_agree(text: str, known: dict, responds: bool) -> None:  # type: ignore[type-arg]
    facts = Facts(known, LIMITS, responds)
    condition = Condition.parse(text)
    one, other = facts.decide(condition), facts.decide(Condition(negate(condition.term)))
    assert (one.holds is None) == (other.holds is None)
    if one.holds is not None:
        assert one.holds is not other.holds


@given(text=texts, known=values, more=values)
def test_more_facts_never_change_what_is_decided(text: str, known: dict, more: dict) -> None:  # type: ignore[type-arg]
    before = decide(text, known)
    if before is not None:
        assert decide(text, {**more, **known}) is before


@given(text=texts, known=values)
def test_an_undecided_condition_names_what_is_missing(text: str, known: dict) -> None:  # type: ignore[type-arg]
    found = Facts(known, LIMITS, False).decide(Condition.parse(text))
    assert (found.holds is None) == bool(found.unknown)


@pytest.mark.parametrize(("text", "known", "answer"), [
    ("age < 55", {("age", None): 55.0}, False),
    ("age <= 55", {("age", None): 55.0}, True),
    ("donor and cns", {("donor", None): False}, False),
    ("donor or cns", {("donor", None): True}, True),
    ("donor and cns", {("donor", None): True}, None),
    ("mrd(x) < 1e-4", {("mrd", "x"): "negative"}, True),
    ("mrd(x) < 1e-3", {("mrd", "x"): "negative"}, True),
    ("mrd(x) < 1e-5", {("mrd", "x"): "negative"}, None),
    ("mrd(x) >= 1e-4", {("mrd", "x"): "positive"}, True),
    ("mrd(x) >= 1e-3", {("mrd", "x"): "positive"}, None),
    ("mrd(x) = positive", {("mrd", "x"): 1e-4}, True),
    ("mrd(x) = positive", {("mrd", "x"): 9e-5}, False),
    ("mrd(unlimited) = positive", {("mrd", "unlimited"): 0.5}, None),
    ("ikzf1 != plus", {("ikzf1", None): "deleted"}, True),
    ("received(blinatumomab)", {}, False),
    ("transplanted", {}, False),
])
def test_cases(text: str, known: dict, answer: bool | None) -> None:  # type: ignore[type-arg]
    assert decide(text, known) is answer


def test_a_responder_is_assumed_to_respond_and_nothing_else() -> None:
    for text in ("cr", "cytoreduction", "mrd(x) = negative", "mrd(x) < 1e-4", "not mutation"):
        assert decide(text, {}, responds=True) is True
        assert decide(text, {}, responds=False) is None
    for text in ("donor", "cd20 >= 20", "kmt2a", "sex = male", "wbc > 30"):
        assert decide(text, {}, responds=True) is None


@pytest.mark.parametrize("text", [
    "", "wbc", "wbc > 40", "wbc = 40 and cns", "mrd(nowhere) = negative", "mrd(mrd-end) = 2", "cd20 = 101", "cd20 = -1",
    "received(blinatumomab)", "__import__('os')", "cd20 = 20; rm", "age = 60", "sex = male", "(" * 5000, "not " * 4000 + "cr",
    "ikzf1 != plus"])
def test_a_fact_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_fact(text, small())
    assert caught.value.where == "--fact"


@pytest.mark.parametrize(("text", "name", "value"), [
    ("wbc = 40", ("wbc", None), 40.0), ("not donor", ("donor", None), False), ("cns", ("cns", None), True),
    ("mrd(mrd-end) = negative", ("mrd", "mrd-end"), "negative"), ("mrd(mrd-end) = 1e-5", ("mrd", "mrd-end"), 1e-5),
    ("not cr(end)", ("cr", "end"), False), ("ikzf1 = none", ("ikzf1", None), "none"), ("ph = negative", ("ph", None), "negative")])
def test_a_fact_is_read(text: str, name: tuple[str, str | None], value: float | str | bool) -> None:
    assert read_fact(text, small()) == (name, value)


@pytest.mark.parametrize("arguments", [
    {"bsa_m2": 0.2}, {"bsa_m2": 3.6}, {"bsa_m2": float("nan")}, {"bsa_m2": float("inf")}, {"age_y": -1.0}, {"age_y": 121.0},
    {"weight_kg": 0.0}, {"weight_kg": 500.0}, {"sex": "m"}])
def test_a_patient_who_cannot_be_is_refused(arguments: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(UsageError):
        Person(**{"bsa_m2": 1.85, "age_y": 44.0, **arguments})
