"""The columns of a user's cohort: their names, units and ranges, and what may stand in a cell."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from remission.base.errors import Problem, nearest

MISSING = ("", "NA")
"""Cells that leave a value open."""
_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,20}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,4})?")
_COMMA = re.compile(r"[-+]?[0-9]{1,20},[0-9]{1,30}")
_ID = re.compile(r"[^\W_][\w .:-]{0,63}")
_YES = {"yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


@dataclass(frozen=True)
class Column:
    """One column: its name, the covariate it fills, what a cell may hold, and whether it must be there.

    `words` are the cells of a column of words with their values; otherwise a cell is a number of `unit` from `low` to `high`, which
    is multiplied by `scale`. `hint` says what is usually wrong with a number out of range."""

    name: str
    covariate: str
    about: str
    words: Mapping[str, float] | None = None
    unit: str = ""
    low: float = 0.0
    high: float = 0.0
    scale: float = 1.0
    hint: str = ""
    required: bool = False

    def read(self, cell: str) -> float:
        """The value of a cell that is not empty. Raises Problem."""
        if self.words is not None:
            found = self.words.get(cell.lower())
            if found is None:
                known = list(self.words)
                raise Problem(f"column '{self.name}': {shown(cell)} is not known", why="one of these is expected: " + ", ".join(known),
                              near=nearest(cell.lower()[:40], known), fix="write one of them" + self._or_empty())
            return found
        if not _NUMBER.fullmatch(cell):
            comma = _COMMA.fullmatch(cell)
            raise Problem(f"column '{self.name}': {shown(cell)} is not a number", why=f"a number in {self.unit} is expected",
                          near=cell.replace(",", ".") if comma else "",
                          fix="write the decimal point as a point" if comma else "write digits alone; the unit is that of the column"
                          + self._or_empty())
        number = float(cell)
        if not math.isfinite(number):
            raise Problem(f"column '{self.name}': {shown(cell)} is too large", why="a number is finite", fix="correct the number")
        if not self.low <= number <= self.high:
            raise Problem(f"column '{self.name}': {shown(cell)} lies outside {self.low:g} to {self.high:g}",
                          why=f"the column holds {self.about} in {self.unit}", near=f"{min(max(number, self.low), self.high):g}",
                          fix=(self.hint or "correct the number") + self._or_empty())
        return number * self.scale

    def _or_empty(self) -> str:
        return "" if self.required else "; or leave the cell empty, and a value is drawn"


COLUMNS = (
    Column("age_years", "age", "age", unit="years", low=14, high=100, required=True, hint="give years; the model is for adults"),
    Column("sex", "male", "sex", words={"male": 1.0, "female": 0.0, "m": 1.0, "f": 0.0}, required=True),
    Column("ph", "ph", "BCR::ABL1", words={"positive": 1.0, "negative": 0.0}, required=True),
    Column("ph_like", "ph_like", "Ph-like expression", words=_YES),
    Column("kmt2a", "kmt2a", "KMT2A rearrangement", words=_YES),
    Column("hypodiploid", "hypodiploid", "low hypodiploidy, near-triploidy or complex karyotype", words=_YES),
    Column("ikzf1", "ikzf1", "IKZF1", words={"none": 0.0, "deleted": 1.0, "plus": 2.0}),
    Column("wbc_1e9_per_l", "wbc", "white cells", unit="1e9/L", low=0.01, high=2000,
           hint="divide counts per microlitre by 1000"),
    Column("blasts_percent", "blasts", "marrow blasts", unit="%", low=0.1, high=100, scale=0.01, hint="give percent of nucleated cells"),
    Column("cd22_percent", "cd22", "blasts with CD22", unit="%", low=0, high=100, hint="give percent of blasts"),
    Column("cd20_percent", "cd20", "blasts with CD20", unit="%", low=0, high=100, hint="give percent of blasts"),
    Column("relapsed", "relapsed", "relapsed or refractory disease", words=_YES),
)
"""Every column but `id`; `relapsed` is the same in all rows."""
NAMES = ("id", *(column.name for column in COLUMNS))
_MEANT = {
    "age": "age_years", "age_y": "age_years", "age_months": "age_years", "gender": "sex", "male": "sex", "female": "sex",
    "patient": "id", "patient_id": "id", "subject": "id", "usubjid": "id", "subjid": "id",
    "philadelphia": "ph", "bcr_abl1": "ph", "bcr_abl": "ph", "bcr::abl1": "ph", "mll": "kmt2a", "kmt2a_r": "kmt2a",
    "wbc": "wbc_1e9_per_l", "leukocytes": "wbc_1e9_per_l", "white_cells": "wbc_1e9_per_l", "wbc_per_ul": "wbc_1e9_per_l",
    "blasts": "blasts_percent", "bm_blasts": "blasts_percent", "marrow_blasts": "blasts_percent", "cd22": "cd22_percent",
    "cd20": "cd20_percent", "hypodiploidy": "hypodiploid", "refractory": "relapsed",
}


def meant(name: str) -> str:
    """The column that a name may stand for, or ""."""
    plain = re.sub(r"[^a-z0-9:]+", "_", name.lower()[:60]).strip("_")
    close = difflib.get_close_matches(plain, NAMES, n=1, cutoff=0.7)
    return _MEANT.get(plain, close[0] if close else "")


def read_id(cell: str) -> str:
    """A patient's id. Raises Problem."""
    if not _ID.fullmatch(cell):
        formula = cell[:1] in ("=", "+", "-", "@")
        raise Problem(f"column 'id': {shown(cell)} is not an id",
                      why="a spreadsheet would run it as a formula" if formula else
                      "an id has at most 64 letters, digits, spaces and . : _ -, and begins with a letter or digit",
                      near=re.sub(r"[^\w.:-]+", "-", cell[:64]).strip("-_.:"), fix="rename the patient")
    return cell


def shown(cell: str) -> str:
    """A cell as printed in a message."""
    return f"'{cell[:40]}'" + ("…" if len(cell) > 40 else "")
