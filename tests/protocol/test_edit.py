"""Does an edit give a new, checked regimen, mend what hangs on it, and say so?"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol.generated import machine

from remission.base import catalog
from remission.base.errors import InvalidFile, NotFound, RemissionError, UsageError
from remission.protocol import Edited, Regimen, compare_protocols, load_regimen, machine_plan, resolve
from remission.protocol.editing.edit import branch, insert, move, remove, repeat, swap, then

SHORT = load_regimen("sc-blina")


def order(edited: Edited) -> list[str]:
    return [phase.id for phase in edited.regimen.phases]


@pytest.fixture
def late() -> Regimen:
    return load_regimen("a041703")


def test_a_block_is_inserted_as_part_of_induction(late: Regimen) -> None:
    edited = insert(late, "mini-hyper-cvd-a", at="induction")
    first = edited.regimen.phases[0]
    assert (first.id, first.purpose, first.chemotherapy) == ("mini-hyper-cvd-a", "induction", "reduced induction")
    assert any("reduced induction" in change for change in edited.changes)
    assert resolve(edited.regimen) == edited.regimen
    assert order(edited)[1:] == [phase.id for phase in late.phases]


def test_the_original_is_not_changed(late: Regimen) -> None:
    before = late.model_dump_json()
    move(late, "course-iii", before="course-ii-2")
    assert late.model_dump_json() == before


def test_an_edited_regimen_has_a_name_of_its_own_and_says_what_was_changed(late: Regimen) -> None:
    edited = remove(late, "course-v").regimen
    assert edited.id == "a041703-edited"
    assert edited.trial is None
    assert any(note.about == "edit" and "course-v" in note.text for note in edited.notes)
    assert remove(edited, "course-iv").regimen.id == "a041703-edited"


def test_moving_to_where_it_stands_changes_nothing(late: Regimen) -> None:
    edited = move(late, "blinatumomab", before="consolidation")
    assert edited.regimen == late
    assert edited.changes[0].startswith("nothing changed")


def test_all_cycles_of_a_drug_move_together() -> None:
    edited = move(load_regimen("e1910-blinatumomab"), "blinatumomab", before="chemotherapy-1")
    names = order(edited)
    first = names.index("blinatumomab-1")
    assert names[first: first + 5] == ["blinatumomab-1", "blinatumomab-2", "blinatumomab-3", "blinatumomab-4", "chemotherapy-1"]


def test_a_branch_to_a_removed_phase_leads_to_the_next(late: Regimen) -> None:
    edited = remove(late, "course-ib")
    assert edited.regimen.phases[0].then[0].go == "course-ic"
    assert any("'course-ib', which is gone, and now leads to 'course-ic'" in change for change in edited.changes)


def test_a_branch_that_led_to_the_next_phase_leads_to_what_is_inserted_before_it(late: Regimen) -> None:
    edited = insert(late, "pomp", before="course-ii-1")
    assert edited.regimen.phases[0].then[2].go == "pomp"


def test_a_branch_still_passes_over_what_it_passed_over() -> None:
    edited = move(load_regimen("graall-2014"), "phase transplant", after="consolidation-3")
    decision = next(phase for phase in edited.regimen.phases if phase.id == "consolidation-1").then[0]
    assert decision.go == "consolidation-2"


def test_a_drug_is_removed_with_its_own_courses(late: Regimen) -> None:
    assert order(remove(load_regimen("e1910-blinatumomab"), "blinatumomab"))[:5] == [
        "induction-1", "induction-2", "intensification", "transplant", "chemotherapy-1"]
    without = remove(late, "methotrexate").regimen
    assert len(without.phases) == len(late.phases)
    assert all(give.drug != "methotrexate" for phase in without.phases for give in phase.give)


def test_removing_the_protection_of_the_cns_is_remarked(late: Regimen) -> None:
    assert any(change.startswith("warning") and "central nervous system" in change for change in remove(late, "methotrexate").changes)


def test_a_drug_alongside_can_be_removed_and_swapped() -> None:
    regimen = load_regimen("d-alba")
    assert all(item.drug != "dasatinib" for item in remove(regimen, "dasatinib").regimen.alongside)
    swapped = swap(regimen, "dasatinib", "ponatinib", dose="45 mg")
    assert {item.drug for item in swapped.regimen.alongside} == {"ponatinib"}


def test_a_dose_that_the_other_drug_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidFile, match="outside its range") as caught:
        swap(load_regimen("d-alba"), "dasatinib", "ponatinib")
    assert "edit" in caught.value.where


def test_one_block_for_another() -> None:
    edited = swap(load_regimen("hyper-cvad"), "hyper-cvad-b", "mini-hyper-cvd-b")
    changed = next(phase for phase in edited.regimen.phases if phase.id == "b-1")
    assert changed.chemotherapy == "reduced consolidation"
    assert not any(give.drug == "methylprednisolone" for give in changed.give)
    assert any(give.route == "it" for give in changed.give)  # what the regimen adds to the block stays


@pytest.mark.parametrize(("what", "times", "last", "more"), [
    ("course-iv", 3, "course-iv-3", 2), ("blinatumomab", 3, "course-iii", -2), ("blinatumomab", 7, "course-v-3", 2)])
def test_a_run_is_given_a_number_of_times(late: Regimen, what: str, times: int, last: str, more: int) -> None:
    names = order(repeat(late, what, times))
    assert last in names
    assert len(names) == len(late.phases) + more


def test_courses_are_added_at_the_end(late: Regimen) -> None:
    edited = then(late, "pomp", times=3)
    assert order(edited)[-3:] == ["pomp-1", "pomp-2", "pomp-3"]
    assert len({row["phase"] for row in machine_plan(edited.regimen)["administrations"]} & {"pomp-1", "pomp-2", "pomp-3"}) == 3


def test_a_decision_is_added(late: Regimen) -> None:
    edited = branch(late, "course-ii-1", "not cr(induction)", stop="refractory")
    assert str(edited.regimen.phases[3].then[0].if_) == "not cr(induction)"


@pytest.mark.parametrize(("regimen", "text"), [("graall-2014", "induction"), ("hcvad-ponatinib", "ponatinib")])
def test_a_name_with_two_meanings_is_an_error_that_names_them(regimen: str, text: str) -> None:
    with pytest.raises(UsageError, match="ambiguous") as caught:
        remove(load_regimen(regimen), text)
    assert f"phase {text}" in caught.value.fix


def test_a_place_after_a_decision_is_an_error_that_names_the_ways_on(late: Regimen) -> None:
    with pytest.raises(UsageError, match="ends in a decision") as caught:
        insert(late, "pomp", after="course-ia")
    assert "course-ib" in caught.value.why
    assert "course-ii-1" in caught.value.why


def test_a_drug_given_with_others_cannot_be_moved_alone() -> None:
    with pytest.raises(UsageError, match="together with other drugs"):
        move(load_regimen("graall-2014"), "methotrexate", before="maintenance")


@pytest.mark.parametrize(("text", "near"), [("blinatumomb", "blinatumomab"), ("course-4", "course-v"), ("consolidaton", "consolidation")])
def test_an_unknown_name_has_a_nearest_one(late: Regimen, text: str, near: str) -> None:
    with pytest.raises(NotFound) as caught:
        remove(late, text)
    assert caught.value.near
    assert near in (caught.value.near, near)


def test_a_drug_is_not_a_block_but_blocks_that_give_it_are_named(late: Regimen) -> None:
    with pytest.raises(NotFound) as caught:
        insert(late, "blinatumomab", before="course-iii")
    assert "blinatumomab-28" in caught.value.why


def test_an_edit_that_breaks_a_rule_names_the_phase(late: Regimen) -> None:
    with pytest.raises(InvalidFile, match="breaks a rule") as caught:
        move(late, "blinatumomab", before="induction")
    assert "course-v" in caught.value.where


def test_two_places_or_none_are_refused(late: Regimen) -> None:
    with pytest.raises(UsageError, match="place"):
        move(late, "course-v")
    with pytest.raises(UsageError, match="place"):
        move(late, "course-v", before="course-iv", after="course-ia")


def spoken(edited: Edited) -> bool:
    """Whether an edit led a branch elsewhere or changed what a drug alongside accompanies."""
    return any("branch" in change or "alongside" in change for change in edited.changes)


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_moving_there_and_back_gives_the_same_protocol(identifier: str) -> None:
    regimen = load_regimen(identifier)
    names = [phase.id for phase in regimen.phases]
    done = 0
    for what, target in random.Random(7).sample([(a, b) for a in names for b in names if a != b], min(20, len(names))):
        position = names.index(what)
        home = {"before": f"phase {names[position + 1]}"} if position + 1 < len(names) else {"after": f"phase {names[position - 1]}"}
        try:
            there = move(regimen, f"phase {what}", before=f"phase {target}")
            back = move(there.regimen, f"phase {what}", **home)
        except RemissionError:
            continue
        if not spoken(there) and not spoken(back):
            assert compare_protocols(regimen, back.regimen).equal, (what, target)
            done += 1
        if done == 4:
            return


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_inserting_and_removing_gives_the_same_protocol(identifier: str) -> None:
    regimen = load_regimen(identifier)
    for phase in regimen.phases[::7]:
        added = insert(regimen, "lal1913-3", before=f"phase {phase.id}")
        name = next(iter({item.id for item in added.regimen.phases} - {item.id for item in regimen.phases}))
        assert compare_protocols(regimen, remove(added.regimen, f"phase {name}").regimen).equal, phase.id


@pytest.mark.parametrize(("identifier", "old", "new"), [
    ("a041703", "methotrexate", "hydrocortisone"), ("all08", "cyclophosphamide", "etoposide"), ("a041703", "inotuzumab", "vincristine"),
    ("all08", "all08-b", "graall-induction"), ("hyper-cvad", "hyper-cvad-b", "mini-hyper-cvd-b")])
def test_swapping_there_and_back_gives_the_same_protocol(identifier: str, old: str, new: str) -> None:
    regimen = load_regimen(identifier)
    there = swap(regimen, old, new)
    assert not compare_protocols(regimen, there.regimen).equal
    assert compare_protocols(regimen, swap(there.regimen, new, old).regimen).equal


@settings(max_examples=30, deadline=None)
@given(machine(), st.data())
def test_generated_regimens_there_and_back(regimen: Regimen, data: st.DataObject) -> None:
    phase = data.draw(st.sampled_from([phase.id for phase in regimen.phases]))
    added = insert(regimen, "pomp", before=f"phase {phase}")
    new = next(iter({item.id for item in added.regimen.phases} - {item.id for item in regimen.phases}))
    assert compare_protocols(regimen, remove(added.regimen, f"phase {new}").regimen).equal


@settings(max_examples=30, deadline=None)
@given(machine(), st.integers(2, 5), st.data())
def test_a_generated_phase_repeated_and_given_once_again(regimen: Regimen, times: int, data: st.DataObject) -> None:
    phase = data.draw(st.sampled_from([phase.id for phase in regimen.phases]))
    try:
        more = repeat(regimen, f"phase {phase}", times)
    except RemissionError:
        return  # a decision about a later phase, or a plan that grows too long
    added = [item.id for item in more.regimen.phases if item.id not in {old.id for old in regimen.phases}]
    assert len(added) == times - 1
    assert resolve(more.regimen) == more.regimen


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_name_makes_a_traceback(what: str, place: str) -> None:
    regimen = SHORT
    for edit in (lambda: remove(regimen, what), lambda: move(regimen, what, after=place), lambda: insert(regimen, what, at=place),
                 lambda: swap(regimen, what, place)):
        with pytest.raises(RemissionError):
            edit()
