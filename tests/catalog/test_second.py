"""Two people wrote these regimens down apart; what both state must agree, and the comparison must see what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from remission.base import catalog, files
from remission.base.errors import NotFound
from remission.protocol.comparing.agreement import (
    Agreement,
    agreement,
    compare_regimens,
    disputed_items,
    load_second,
    ranges,
    second_ids,
    second_root,
)
from remission.protocol.model import Give, Phase, Regimen
from remission.protocol.resolve import load_regimen

SECOND = ("a041703", "d-alba", "e1910-blinatumomab", "graall-2014", "mdacc-mini-hcvd-ino-blina", "s1318")
LEAST_EQUAL = {"a041703": 70, "d-alba": 60, "e1910-blinatumomab": 130, "graall-2014": 180, "mdacc-mini-hcvd-ino-blina": 145, "s1318": 60}


@pytest.fixture(scope="module")
def s1318() -> Regimen:
    return load_regimen("s1318")


# the six regimens

def test_six_regimens_have_a_second_transcription() -> None:
    assert second_ids() == SECOND
    assert set(SECOND) <= set(catalog.ids("regimens"))


@pytest.mark.parametrize("identifier", SECOND)
def test_the_transcriptions_agree_but_for_open_and_disputed_points(identifier: str) -> None:
    found = agreement(identifier)
    assert found.different == ()
    assert found.equal >= LEAST_EQUAL[identifier]
    assert found.assumed_both == len(found.assumptions)


@pytest.mark.parametrize("identifier", SECOND)
def test_every_disputed_note_stands_in_both_and_is_not_stale(identifier: str) -> None:
    differing = {words.partition(": ")[0] for words in agreement(identifier).disputes}
    assert disputed_items(load_regimen(identifier)) == disputed_items(load_second(identifier)) == differing


@pytest.mark.parametrize("identifier", SECOND)
def test_the_second_is_written_out_without_the_blocks_of_the_first(identifier: str) -> None:
    data: dict[str, Any] = files.read(second_root() / f"{identifier}.yaml").data
    assert data["id"] == identifier
    assert not [phase["id"] for phase in data["phases"] if "block" in phase]


@pytest.mark.parametrize("identifier", SECOND)
def test_every_value_of_the_second_has_a_source_or_is_an_assumption(identifier: str) -> None:
    regimen = load_second(identifier)
    cited = [item for phase in regimen.phases for item in (phase, *phase.give, *phase.assess, *phase.then)]
    assert all(item.source or item.assumed for item in (*cited, *regimen.alongside))
    assert {item.source.ref for item in cited if item.source} <= set(catalog.ids("sources"))


def test_an_unknown_second_names_the_nearest() -> None:
    with pytest.raises(NotFound, match="no second transcription") as caught:
        load_second("s1381")
    assert caught.value.near == "s1318"


# what does not count

@pytest.mark.parametrize("identifier", [*SECOND, "lal2317", "ea9181-blinatumomab", "golden-gate"])
def test_a_regimen_agrees_with_itself(identifier: str) -> None:
    regimen = load_regimen(identifier)
    found = compare_regimens(regimen, regimen)
    assert (found.different, found.assumed_both, found.disputes) == ((), 0, ())
    assert found.equal > 20


def renamed(regimen: Regimen) -> Regimen:
    """The same regimen under other phase and assessment names, read back from its plain form."""
    text = regimen.model_dump_json(by_alias=True, exclude_none=True)
    for old in {phase.id for phase in regimen.phases} | {item.name for phase in regimen.phases for item in phase.assess}:
        text = text.replace(f'"{old}"', f'"x-{old}"').replace(f"({old})", f"(x-{old})")
    return Regimen.model_validate_json(text)


def test_names_of_phases_and_assessments_do_not_count(s1318: Regimen) -> None:
    other = renamed(s1318)
    assert {phase.id for phase in other.phases}.isdisjoint(phase.id for phase in s1318.phases)
    assert compare_regimens(s1318, other).different == ()
    assert compare_regimens(s1318, other).equal == compare_regimens(s1318, s1318).equal


def test_spelling_of_a_dose_does_not_count(s1318: Regimen) -> None:
    other = changed(s1318, "consolidation-1", lambda phase: give(phase, "blinatumomab", dose="0.028 mg/d"))
    assert compare_regimens(s1318, other).different == ()


# what counts

def changed(regimen: Regimen, phase_id: str, change: Callable[[Phase], Phase | None]) -> Regimen:
    """A copy of a regimen with one phase changed, or left out."""
    phases = [change(phase) if phase.id == phase_id else phase for phase in regimen.phases]
    assert phase_id in {phase.id for phase in regimen.phases}
    return regimen.model_copy(update={"phases": tuple(phase for phase in phases if phase is not None)})


def give(phase: Phase, drug: str, **values: object) -> Phase:
    """A copy of a phase in which a drug is given otherwise, with a source and no assumption."""
    cited = {"source": {"ref": "advani-2022"}, "assumed": None}

    def one(item: Give) -> Give:
        if item.drug != drug:
            return item
        return Give.model_validate({**item.model_dump(by_alias=True, exclude_none=True), **cited, **values})

    return phase.model_copy(update={"give": tuple(one(item) for item in phase.give)})


def differing(found: Agreement) -> str:
    """Differences to mend, as one text."""
    return "\n".join(found.different)


@pytest.mark.parametrize(("values", "words"), [
    ({"dose": "9 ug/d"}, "consolidation-1, blinatumomab civ: first 0.028 mg/d on days 1-28; second 0.009 mg/d on days 1-28"),
    ({"days": "1-27"}, "consolidation-1, blinatumomab civ: first 0.028 mg/d on days 1-28; second 0.028 mg/d on days 1-27"),
    ({"only": "age < 70"}, "consolidation-1, blinatumomab civ, not (age < 70)"),
])
def test_a_changed_dose_day_or_condition_is_seen(s1318: Regimen, values: dict[str, object], words: str) -> None:
    other = changed(s1318, "consolidation-1", lambda phase: give(phase, "blinatumomab", **values))
    assert words in differing(compare_regimens(s1318, other))


def test_a_lost_cycle_is_seen_and_counted(s1318: Regimen) -> None:
    words = differing(compare_regimens(s1318, changed(s1318, "consolidation-3", lambda phase: None)))
    assert "course consolidation-" in words
    assert "number of blinatumomab cycles: first 4; second 3" in words


def test_a_changed_length_moves_the_cycles(s1318: Regimen) -> None:
    def longer(phase: Phase) -> Phase:
        return Phase.model_validate({**phase.model_dump(by_alias=True, exclude_none=True), "length": "49 d"})

    other = changed(s1318, "induction-1", longer)
    words = differing(compare_regimens(s1318, other))
    assert "induction-1, length: first 42 d; second 49 d" in words
    assert "days on which blinatumomab cycles begin: first 1, 43, 85, 127; second 1, 50, 92, 134" in words


def test_a_lost_branch_is_seen(s1318: Regimen) -> None:
    other = changed(s1318, "induction-2", lambda phase: phase.model_copy(update={"then": ()}))
    words = differing(compare_regimens(s1318, other))
    assert "no remission by induction-1, no remission by induction-2" in words
    assert "off protocol" in words


def test_a_branch_written_otherwise_is_not_a_difference(s1318: Regimen) -> None:
    """`go: consolidation-1` in remission and `only: not cr` of the phase between say the same."""
    other = changed(s1318, "induction-1", lambda phase: phase.model_copy(update={"then": ()}))
    assert compare_regimens(s1318, other).different == ()


def test_a_lost_assessment_and_another_limit_are_seen(s1318: Regimen) -> None:
    other = changed(s1318, "induction-1", lambda phase: phase.model_copy(update={"assess": tuple(
        item.model_copy(update={"limit": 1e-3, "assumed": None}) for item in phase.assess if item.what == "mrd")}))
    words = differing(compare_regimens(s1318, other))
    assert "induction-1, remission on day 35: first by morphology; second nothing" in words
    assert "induction-1, mrd on day 35: first by flow, limit 0.0001; second by flow, limit 0.001" in words


def test_a_lost_intrathecal_dose_is_seen_in_the_count(s1318: Regimen) -> None:
    other = changed(s1318, "maintenance-it-1", lambda phase: phase.model_copy(update={"give": tuple(
        item for item in phase.give if item.route != "it")}))
    words = "\n".join([*compare_regimens(s1318, other).different, *compare_regimens(s1318, other).assumptions])
    assert "days with an intrathecal dose: first 8; second 7" in words


def test_an_open_choice_is_shown_apart_from_an_error(s1318: Regimen) -> None:
    def later(phase: Phase) -> Phase:
        return phase.model_copy(update={"give": tuple(
            item.model_copy(update={"days": (30,)}) if item.route == "it" else item for item in phase.give)})

    found = compare_regimens(s1318, changed(s1318, "consolidation-1", later))
    assert found.different == ()
    assert found.assumptions == ("consolidation-1, methotrexate it: first 15 mg on days 32; second 15 mg on days 30",)


def test_a_difference_is_disputed_only_when_both_say_so(s1318: Regimen) -> None:
    other = changed(s1318, "induction-2", lambda phase: give(phase, "blinatumomab", dose="9 ug/d"))
    assert compare_regimens(s1318, other).different == ()
    silent = other.model_copy(update={"notes": ()})
    assert "induction-2, blinatumomab civ" in differing(compare_regimens(s1318, silent))


@pytest.mark.parametrize(("days", "words"), [([1], "1"), ([3, 1, 2], "1-3"), ([1, 8, 9, 22], "1, 8-9, 22"), ([], "")])
def test_days_in_words(days: list[int], words: str) -> None:
    assert ranges(days) == words
