"""A dated plan in the formats that others read: iCalendar, a table, FHIR R4 resources, NM-TRAN rows, plain JSON.

Every format carries the notice that this is research software. Nothing here reads a clock: same plan, same bytes.
"""

from __future__ import annotations

from remission.base.errors import UsageError, nearest
from remission.protocol.dated.calendar import DatedPlan

FORMATS = ("ics", "csv", "fhir", "nmtran", "json")


def export_plan(plan: DatedPlan, form: str) -> str:
    """The plan as text in one of FORMATS. Raises UsageError for any other word."""
    if form == "ics":
        from remission.protocol.dated.export.ical import to_ics

        return to_ics(plan)
    if form == "csv":
        from remission.protocol.dated.export.table import to_csv

        return to_csv(plan)
    if form == "json":
        from remission.protocol.dated.export.table import to_json

        return to_json(plan)
    if form == "fhir":
        from remission.protocol.dated.export.fhir import to_fhir

        return to_fhir(plan)
    if form == "nmtran":
        from remission.protocol.dated.export.nmtran import to_nmtran

        return to_nmtran(plan)
    raise UsageError(f"'{form[:30]}' is not a format", where="--format", why="formats are " + ", ".join(FORMATS),
                     near=nearest(form, FORMATS), fix="choose one of these")


__all__ = ["FORMATS", "export_plan"]
