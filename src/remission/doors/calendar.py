"""`remission calendar`: a regimen on the dates of one patient."""

from __future__ import annotations

import datetime
import json
import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from remission.protocol import Regimen

    Value = float | str | bool
    Name = tuple[str, str | None]

FORMATS = ("ics", "csv", "fhir", "fhir-plan", "nmtran", "json")


@click.command(name="calendar")
@click.argument("regimen")
@click.option("--start", help="Date of day 1, e.g. 2027-01-04.")
@click.option("--bsa", help="Body surface in m2, e.g. 1.85.")
@click.option("--weight", help="Body weight in kg; needed where a dose is given per kg.")
@click.option("--age", help="Age in years.")
@click.option("--sex", help="male or female; needed only where a protocol asks.")
@click.option("--cd20", help="CD20-positive blasts in %.")
@click.option("--fact", "facts", multiple=True,
              help="One more known fact, e.g. 'wbc = 40', 'not donor', 'mrd(week-15) = negative' (may be repeated).")
@click.option("--path", default="default", show_default=True, help="default, or phases joined by commas.")
@click.option("--bag-days", help="Days that a blinatumomab bag runs: 1, 2, 3, 4 or 7.  [default: 4, an assumption]")
@click.option("--label", default="", help="A word that keeps two calendars of one regimen apart; never a patient's name.")
@click.option("--format", "form", default="ics", show_default=True, help=", ".join(FORMATS) + ".")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--out", "target", help="File to write; without it the calendar is printed.")
def command(regimen: str, start: str | None, bsa: str | None, weight: str | None, age: str | None, sex: str | None,
            cd20: str | None, facts: tuple[str, ...], path: str, bag_days: str | None, label: str, form: str, as_json: bool,
            target: str | None) -> None:
    """Put REGIMEN on dates for one patient: every dose in absolute amounts with its caps, infusions with their bags,
    hospital days, intrathecal days and assessments.

    Formats: ics (calendar), csv (table), fhir (R4 Bundle of a CarePlan and its MedicationRequests), fhir-plan (R4
    PlanDefinition of the regimen itself; needs no patient), nmtran (dosing records), json.

    The default path is that of a patient who responds. What the facts given do not decide is listed as undecided. Research
    software: not for decisions about a patient.
    """
    from remission.base import files
    from remission.protocol import load_regimen, plan_definition

    form = "json" if as_json else _format(form)
    resolved = load_regimen(regimen)
    if form == "fhir-plan":
        text = json.dumps(plan_definition(resolved), indent=1, ensure_ascii=False) + "\n"
    else:
        from remission.protocol import Person, dated_plan, export_plan

        known = _known(facts, cd20, resolved)
        person = Person(bsa_m2=_number("bsa", bsa, "1.85"), age_y=_number("age", age, "44"),
                        weight_kg=_number("weight", weight, "78") if weight is not None else None, sex=sex, known=known)
        plan = dated_plan(resolved, _date(start), person, path=path, bag_days=_whole(bag_days), label=label)
        text = export_plan(plan, form)
        for item in plan.undecided:
            click.echo(f"undecided: {item.what} in {item.phase}: {item.condition}; {item.reason}", err=True)
        for remark in plan.remarks:
            click.echo(f"note: {remark}", err=True)
    if target is None:
        click.echo(text, nl=False)
        return
    files.write_text(target, text)
    from remission.doors import NOTICE

    click.echo(f"{target} written. {NOTICE}", err=True)


def _known(texts: tuple[str, ...], cd20: str | None, regimen: Regimen) -> dict[Name, Value]:
    """The facts given as --fact and --cd20. Raises UsageError when one is given twice."""
    from remission.base.errors import UsageError
    from remission.protocol import read_fact

    facts = [read_fact(text, regimen) for text in texts]
    if cd20 is not None:
        facts.append((("cd20", None), _number("cd20", cd20, "30")))
    known = dict(facts)
    if len(known) < len(facts):
        names = [name for name, _ in facts]
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"the fact '{twice[0]}' is given twice", where="--fact", why="each fact has one value",
                         fix="leave one of them out")
    return known


def _format(form: str) -> str:
    from remission.base.errors import UsageError, nearest

    if form not in FORMATS:
        raise UsageError(f"'{form[:30]}' is not a format", where="--format", why="formats are " + ", ".join(FORMATS),
                         near=nearest(form, FORMATS), fix="choose one of these")
    return form


def _date(text: str | None) -> datetime.date:
    """A date as YYYY-MM-DD. Raises UsageError, also for one that no calendar has."""
    from remission.base.errors import UsageError

    if text is None:
        raise UsageError("the start is missing", where="--start", why="a calendar needs the date of day 1", near="2027-01-04",
                         fix="give --start YYYY-MM-DD")
    why = "a date is written as year, month and day"
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return datetime.date.fromisoformat(text)
        except ValueError as error:
            why = str(error)
    raise UsageError(f"'{text[:30]}' is not a date", where="--start", why=why, near="2027-01-04", fix="write YYYY-MM-DD")


def _number(name: str, text: str | None, example: str) -> float:
    """A number given as an option, within what a patient can have. Raises UsageError."""
    from remission.base.errors import UsageError
    from remission.protocol import in_limits

    if text is None:
        raise UsageError(f"the patient's {name} is missing", where=f"--{name}", why="doses and conditions of the protocol need it",
                         near=example, fix=f"give it, e.g. --{name} {example}")
    if not re.fullmatch(r"[-+]?[0-9]{1,12}(\.[0-9]{0,12})?", text):
        raise UsageError(f"'{text[:30]}' is not a number", where=f"--{name}", why="a plain decimal number is expected", near=example,
                         fix=f"write e.g. --{name} {example}")
    return in_limits(name, float(text), f"--{name}")


def _whole(text: str | None) -> int | None:
    from remission.base.errors import UsageError

    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,3}", text):
        raise UsageError(f"'{text[:30]}' is not a number of days", where="--bag-days", why="a bag runs for whole days", near="4",
                         fix="choose 1, 2, 3, 4 or 7")
    return int(text)
