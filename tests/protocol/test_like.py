"""Can a regimen be written as "like X, but…", in a file and on one line, and are slips named with file and line?"""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remission.base import files
from remission.base.errors import InvalidFile, NotFound, RemissionError, UsageError
from remission.protocol import compare_protocols, edit_text, load_regimen, open_regimen, read_regimen, resolve
from remission.protocol.editing.edit import insert, move, remove, repeat, swap, then

HEAD = "like: a041703\nid: mine\ntitle: Mine\nbut:\n"


def read(text: str) -> object:
    return read_regimen(files.read_text(text, "mine.yaml"))


def test_a_file_means_the_same_as_the_functions() -> None:
    regimen = read_regimen(files.read_text(HEAD + """
  - {insert: mini-hyper-cvd-a, at: induction}
  - {remove: course-v}
  - {move: blinatumomab, before: phase course-ia}
  - {repeat: {course-iv: 2}}
  - {swap: {inotuzumab: vincristine 2 mg iv}}
  - {then: pomp, times: 3}
""", "mine.yaml"))
    by_hand = insert(load_regimen("a041703"), "mini-hyper-cvd-a", at="induction").regimen
    by_hand = move(remove(by_hand, "course-v").regimen, "blinatumomab", before="phase course-ia").regimen
    by_hand = swap(repeat(by_hand, "course-iv", 2).regimen, "inotuzumab", "vincristine", dose="2 mg", route="iv").regimen
    assert compare_protocols(regimen, then(by_hand, "pomp", times=3).regimen).equal
    assert (regimen.id, regimen.title, regimen.trial) == ("mine", "Mine", None)
    assert resolve(regimen) == regimen
    assert sum(note.about == "edit" for note in regimen.notes) >= 6
    assert regimen.summary.startswith("Like a041703, but: ")


def test_a_phase_can_be_written_out_and_a_decision_added() -> None:
    regimen = read_regimen(files.read_text(HEAD + """
  - insert:
      id: rest
      length: 14 d
      purpose: rest
      assumed: counts recover
    before: course-iii
  - {if: not cr(induction), after: course-ii-1, stop: refractory}
""", "mine.yaml"))
    names = [phase.id for phase in regimen.phases]
    assert names.index("rest") + 1 == names.index("course-iii")
    assert regimen.phases[names.index("course-ii-1")].then[0].stop == "refractory"


def test_a_rule_that_a_later_edit_mends_may_be_broken_on_the_way() -> None:
    """Without course II, which assesses `induction`, course V cannot be judged; the next line removes it."""
    regimen = read_regimen(files.read_text(HEAD + "  - {remove: course-ii-1}\n  - {remove: course-v}\n", "mine.yaml"))
    assert "course-v" not in {phase.id for phase in regimen.phases}


@pytest.mark.parametrize(("lines", "line", "what"), [
    ("  - {remove: course-v}\n  - {remove: course-iix}\n", 6, "names nothing"),
    ("  - {remove: course-v}\n  - {move: course-iv, before: course-ia}\n  - {remove: a, before: b}\n", 7, "does not belong"),
    ("  - {remove: course-ii-1}\n  - {remove: course-iv}\n", 5, "breaks a rule"),
    ("  - {move: course-v}\n", 5, "exactly one place"),
    ("  - {move: course-v, before: course-ia, after: course-ib}\n", 5, "exactly one place"),
    ("  - {insert: pomp, remove: course-v, before: course-ia}\n", 5, "exactly one of"),
    ("  - {insert: pompp, before: course-ia}\n", 5, "neither a block nor a phase"),
    ("  - {moves: course-v, before: course-ia}\n", 5, "unknown key"),
    ("  - {repeat: {course-v: 0}}\n", 5, "greater than or equal"),
    ("  - {swap: {inotuzumab: vincristine lots}}\n", 5, "not a drug with a dose"),
    ("  - {swap: {inotuzumab: vincristin}}\n", 5, "neither a drug nor a block"),
    ("  - {swap: {inotuzumab: vincristine 2 mg/m3}}\n", 5, "unknown unit"),
    ("  - {if: not cr(nowhere), after: course-iii, stop: refractory}\n", 5, "nowhere"),
    ("  - {if: not cr, after: course-iii}\n", 5, "exactly one of 'go' and 'stop'"),
    ("  - {then: {id: x, length: 14 dd}}\n", 5, "then"),
])
def test_a_slip_is_named_with_its_line(lines: str, line: int, what: str) -> None:
    with pytest.raises(RemissionError, match=what) as caught:
        read(HEAD + lines)
    assert caught.value.where == f"mine.yaml:{line}"
    assert caught.value.exit_code in (4, 5)


def test_a_rule_broken_for_good_is_told_at_the_edit_that_broke_it() -> None:
    with pytest.raises(InvalidFile, match="breaks a rule") as caught:
        read(HEAD + "  - {then: pomp}\n  - {remove: course-ii-1}\n  - {then: pomp}\n")
    assert caught.value.where == "mine.yaml:6"


def test_an_unknown_regimen_is_named_with_its_line() -> None:
    with pytest.raises(InvalidFile, match="a04170") as caught:
        read(HEAD.replace("a041703", "a04170") + "  - {remove: x}\n")
    assert (caught.value.where, caught.value.near) == ("mine.yaml:1", "a041703")


def test_a_regimen_like_itself_is_refused() -> None:
    with pytest.raises(InvalidFile, match="like itself"):
        read(HEAD.replace("id: mine", "id: a041703") + "  - {remove: course-v}\n")


@pytest.mark.parametrize(("text", "first", "last"), [
    ("like a041703, but insert hyper-cvad-mini-a at induction", "mini-hyper-cvd-a", "course-v"),
    ("Like a041703 but remove course-v", "course-ia", "course-iv"),
    ("like a041703, but remove course-v and move blinatumomab before purpose induction", "course-ii-1", "course-ic"),
    ("like a041703, but then pomp 2 times; remove phase course-v", "course-ia", "pomp-2"),
    ("like a041703, but repeat course-iv 3 times", "course-ia", "course-v"),
    ("like  a041703,  but insert pomp 2 times before course-ia", "pomp-1", "course-v"),
])
def test_one_line_of_text(text: str, first: str, last: str) -> None:
    names = [phase.id for phase in edit_text(text).regimen.phases]
    assert (names[0], names[-1]) == (first, last)
    assert [phase.id for phase in open_regimen(text).phases] == names


def test_text_with_a_dose() -> None:
    regimen = edit_text("like d-alba, but swap dasatinib for ponatinib 45 mg po").regimen
    assert {str(item.dose) for item in regimen.alongside} == {"45 mg", "30 mg"}


@pytest.mark.parametrize("text", ["like a041703", "like a041703, but", "like a041703, but frobnicate", "like a041703, but move course-v",
                                  "like a041703, but __import__('os')", "like ../x, but remove y", "like a041703, but remove x y z",
                                  "like a041703, but repeat course-v 0 times", "like a041703, but " + "remove x, " * 900])
def test_text_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        edit_text(text)


def test_text_about_an_unknown_regimen() -> None:
    with pytest.raises(NotFound) as caught:
        edit_text("like a04170, but remove course-v")
    assert caught.value.near == "a041703"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_no_text_makes_a_traceback(text: str) -> None:
    with pytest.raises(RemissionError):
        edit_text("like a041703, but " + text + " ?")


def test_a_file_is_opened_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + "  - {remove: course-v}\n", encoding="utf-8")
    assert open_regimen(str(path)).id == "mine"
    with pytest.raises(NotFound):
        open_regimen(str(tmp_path / "other.yaml"))
