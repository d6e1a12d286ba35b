"""The dated plan as an NM-TRAN data file: one row per dose or infusion, comments for people.

Comment lines begin with `#`; with the header line they are skipped by `$DATA file.csv IGNORE=@`.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from remission.protocol.dated.calendar import RESEARCH_USE, DatedPlan, Dose, Infusion
from remission.protocol.dated.export.words import plan_words

COLUMNS = ("ID", "TIME", "EVID", "AMT", "RATE", "DUR", "CMT", "DRUG", "WT", "BSA", "AGE")
COMPARTMENTS = {"po": 1, "sc": 1, "im": 1, "iv": 2, "civ": 2, "it": 3}


@dataclass(frozen=True)
class Row:
    """One dosing record: hours, amount in the drug's unit, amount per hour (0: at once), hours, compartment, drug number."""

    time_h: float
    amount: float
    rate_per_h: float
    duration_h: float
    compartment: int
    drug: int


def units(plan: DatedPlan) -> dict[str, str]:
    """The unit of each drug's AMT: ug where every planned dose is in ug, else mg; IU for enzymes."""
    used: dict[str, set[str]] = {}
    for item in _planned(plan):
        used.setdefault(item.drug, set()).add(item.unit)
    return {drug: "IU" if "IU" in found else "ug" if found == {"ug"} else "mg" for drug, found in sorted(used.items())}


def _planned(plan: DatedPlan) -> list[Dose | Infusion]:
    items: list[Dose | Infusion] = [*plan.doses, *plan.infusions]
    return [item for item in items if item.status == "planned"]


def rows(plan: DatedPlan) -> list[Row]:
    """Every planned dose: TIME 0 is 00:00 of day 1; the doses of a day are spread evenly over it from 00:00 on."""
    unit = units(plan)
    numbers = {drug: index for index, drug in enumerate(unit, start=1)}
    found: list[Row] = []
    for item in _planned(plan):
        scale = _scale(item.unit, unit[item.drug])
        if isinstance(item, Infusion):
            hours = 24.0 * item.days
            amount = item.total * scale
            found.append(Row(24.0 * (item.first_day - 1), amount, amount / hours, hours, COMPARTMENTS["civ"], numbers[item.drug]))
            continue
        hours = item.over_h or 0.0
        for dose in range(item.per_day):
            amount = item.amount * scale
            found.append(Row(24.0 * (item.day - 1) + dose * 24.0 / item.per_day, amount, amount / hours if hours else 0.0, hours,
                             COMPARTMENTS[item.route], numbers[item.drug]))
    return sorted(found, key=lambda row: (row.time_h, row.drug, row.compartment, row.amount))


def _scale(given: str, wanted: str) -> float:
    return {"g": 1000.0, "mg": 1.0, "ug": 0.001}.get(given, 1.0) / {"ug": 0.001}.get(wanted, 1.0)


def to_nmtran(plan: DatedPlan) -> str:
    """The data file as text: comments, a header line, one line per dose."""
    head = [RESEARCH_USE, *plan_words(plan),
            "Read with: $DATA file.csv IGNORE=@ (comments and header are skipped); elsewhere skip the lines that begin like this one",
            f"$INPUT {' '.join(COLUMNS)}",
            "TIME in hours, 0 is 00:00 of day 1; assumed: the doses of a day are spread evenly from 00:00 on",
            "EVID 1 dose; RATE amount per hour, 0 at once; DUR hours; WT in kg, BSA in m2, AGE in years; . not known",
            "CMT 1 depot (po, sc, im), 2 central (iv, continuous infusion), 3 cerebrospinal fluid (intrathecal)",
            "Doses that are undecided are not in the rows"]
    head += [f"DRUG {index} {drug}, AMT in {unit}" for index, (drug, unit) in enumerate(units(plan).items(), start=1)]
    weight = _field(plan.person.weight_kg) if plan.person.weight_kg is not None else "."
    person = f"{weight},{_field(plan.person.bsa_m2)},{_field(plan.person.age_y)}"
    lines = [f"# {part}" for line in head for part in wrap(line.replace("#", "no."), 118)] + [",".join(COLUMNS)]
    lines += [f"1,{_field(row.time_h)},1,{_field(row.amount)},{_field(row.rate_per_h)},{_field(row.duration_h)},"
              f"{row.compartment},{row.drug},{person}" for row in rows(plan)]
    return "\n".join(lines) + "\n"


def _field(value: float) -> str:
    """A number in at most ten figures: NM-TRAN reads fields of up to 24 characters."""
    return f"{value:.10g}"
