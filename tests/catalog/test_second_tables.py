"""The review's tables were transcribed twice: every cell must agree, or a recorded conflict that quotes it must say why not."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from remission.base import files
from remission.base.errors import InvalidFile
from remission.evidence import load_trial
from remission.evidence.second import (
    PLACES,
    STUDIES,
    Cell,
    CellAgreement,
    SecondTables,
    agreement,
    check_second,
    compare_cell,
    second_tables,
)

RESULT = agreement()
CR, OS, DFS = "CR rate", "OS", "EFS/RFS/DFS"
MINI = ("1B", "MDACC, Kantarjian et al.")


def named(cell: CellAgreement) -> str:
    return f"{cell.table}-{cell.row}-{cell.column}"


@pytest.mark.parametrize("cell", RESULT.cells, ids=named)
def test_every_cell_agrees_or_is_explained_by_a_recorded_conflict(cell: CellAgreement) -> None:
    assert cell.outcome in ("agree", "explained"), str(cell)
    assert cell.outcome == "agree" or (cell.conflicts and cell.reasons)
    known = {conflict.id for conflict in load_trial(cell.trial).conflicts}
    assert set(cell.conflicts) <= known


def test_every_cell_of_the_three_tables_was_transcribed_once() -> None:
    cells = [(cell.table, cell.row, cell.column) for cell in second_tables().cells]
    assert len(cells) == len(set(cells)) == 14 * 9
    assert set(cells) == {(*study, column) for study, column in itertools.product(STUDIES, PLACES)}


def test_the_agreement_is_as_reported() -> None:
    assert sum(RESULT.counts.values()) == 126
    assert RESULT.counts["differ"] == RESULT.counts["missing"] == 0
    assert RESULT.counts["agree"] >= 119
    assert RESULT.share > 0.94
    assert sum(RESULT.value_counts.values()) == 166
    assert RESULT.different == ()
    assert check_second() == ()
    assert "126 cells with 166 values: 119 cells agree (94.4%)" in str(RESULT)


def test_what_is_printed_as_missing_is_null_and_never_zero() -> None:
    for cell in second_tables().cells:
        numbers = [value.value for value in cell.values]
        if cell.printed in ("NA", ""):
            assert numbers == [None], cell
        else:
            assert any(number is not None for number in numbers), cell
        if 0.0 in numbers:
            assert re.search(r"(?<![\d.])0(?:%|$)", cell.printed), cell


def test_every_percentage_of_a_cell_was_read() -> None:
    for cell in second_tables().cells:
        read = {value.printed for value in cell.values}
        assert set(re.findall(r"([\d.]+)%", cell.printed)) <= read, cell


def edited(cell: Cell, **changes: Any) -> Cell:
    """A cell with its first value changed."""
    return cell.model_copy(update={"values": (cell.values[0].model_copy(update=changes), *cell.values[1:])})


def compared(cell: Cell, **trial: Any) -> CellAgreement:
    evidence = load_trial(STUDIES[cell.table, cell.row][0])
    return compare_cell(cell, second_tables(), evidence.model_copy(update=trial))


@pytest.fixture(scope="module")
def tables() -> SecondTables:
    return second_tables()


def test_another_number_differs(tables: SecondTables) -> None:
    result = compared(edited(tables.cell("1B", "SWOG 1318", CR), value=0.65))
    assert result.outcome == "differ"
    assert result.reasons == ("CR: the record has 0.66, the cell prints 65",)


def test_a_number_where_the_other_has_none_differs(tables: SecondTables) -> None:
    assert compared(edited(tables.cell("1B", "SWOG 1318", CR), value=None)).outcome == "differ"
    assert compared(edited(tables.cell("1A", "GRAALL-2014", CR), value=0.0)).outcome == "differ"


def test_another_time_differs(tables: SecondTables) -> None:
    result = compared(edited(tables.cell("1B", "SWOG 1318", OS), months=24.0))
    assert (result.outcome, result.reasons) == ("differ", ("the record has it at 36 months, the cell at 24",))


def test_another_endpoint_differs(tables: SecondTables) -> None:
    assert compared(edited(tables.cell("1B", "SWOG 1318", DFS), what="EFS")).outcome == "differ"


def test_another_subgroup_differs_and_the_same_ages_in_other_words_do_not(tables: SecondTables) -> None:
    cell = tables.cell(*MINI, OS)
    assert compared(cell).outcome == "agree"
    values = [value if value.where is None else value.model_copy(update={"where": None}) for value in cell.values]
    assert compared(cell.model_copy(update={"values": tuple(values)})).outcome == "differ"


def test_two_times_in_one_cell_cannot_be_exchanged(tables: SecondTables) -> None:
    cell = tables.cell(*MINI, "MRD negative rate of evaluable patients")
    first, second = cell.values
    swapped = (first.model_copy(update={"value": second.value}), second.model_copy(update={"value": first.value}))
    assert compared(cell).outcome == "agree"
    assert compared(cell.model_copy(update={"values": swapped})).outcome == "differ"


def test_other_printed_words_differ(tables: SecondTables) -> None:
    cell = tables.cell("1A", "ALLG ALL08 Study", CR)
    assert compared(cell.model_copy(update={"printed": "100% by end of 1B"})).outcome == "differ"


def test_a_row_that_the_record_lacks_is_missing(tables: SecondTables) -> None:
    result = compared(tables.cell("1B", "SWOG 1318", CR), results=(), conflicts=())
    assert (result.outcome, result.reasons) == ("missing", ("the record has nothing for CR 66",))


def test_a_row_that_cites_the_cell_without_being_in_it_differs(tables: SecondTables) -> None:
    cell = tables.cell(*MINI, OS)
    result = compared(cell.model_copy(update={"values": cell.values[:2]}))
    assert result.outcome == "differ"
    assert "but the cell does not say so" in result.reasons[0]


def test_without_its_conflict_nothing_is_explained(tables: SecondTables) -> None:
    for cell in RESULT.cells:
        if cell.outcome == "explained":
            assert compared(tables.cell(cell.table, cell.row, cell.column), conflicts=()).outcome == "differ", cell


def test_a_conflict_that_quotes_another_number_explains_nothing(tables: SecondTables) -> None:
    trial = load_trial("graall-2014")
    [conflict] = [item for item in trial.conflicts if item.id == "dfs-18"]
    other = tuple(reading.model_copy(update={"says": "70.1%"}) for reading in conflict.readings)
    cell = tables.cell("1A", "GRAALL-2014", DFS)
    assert compared(cell).outcome == "explained"
    assert compared(cell, conflicts=(conflict.model_copy(update={"readings": other}),)).outcome == "differ"


CELL = '{table: 1B, row: SWOG 1318, column: CR rate, printed: "66%", values: [{what: CR, value: 0.66}]}'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("0.66", "0.67", "the cell does not print 67"),
        ("SWOG 1318", "SWOG 1813", "Table 1B has no row 'SWOG 1813'"),
        ("CR rate", "CR", "the tables have no column 'CR'"),
        ("[{what: CR, value: 0.66}]", "[]", "too few entries"),
        ("what: CR,", "what: cure,", "what"),
    ],
)
def test_slips_of_the_second_transcription_are_refused(old: str, new: str, says: str) -> None:
    text = f"id: review-tables\nsource: pourhassan-2023\nread: 2026-11-22\ncells:\n  - {CELL.replace(old, new)}\n"
    with pytest.raises(InvalidFile, match=re.escape(says)) as caught:
        files.parse(files.read_text(text, "tables.yaml"), SecondTables)
    assert caught.value.where == "tables.yaml:5"
