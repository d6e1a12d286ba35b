"""Dates of publication, which are often known only to the month or the year."""

from __future__ import annotations

import calendar
import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator

from remission.base.errors import Problem

CUT_OFF = "2023-08-17"
"""Publication date of the review: nothing published later about a trial here may inform the model."""

_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def earliest(text: str) -> date:
    """First day that a date such as `2022`, `2022-05` or `2022-05-10` can mean."""
    return _bounds(text)[0]


def latest(text: str) -> date:
    """Last day that a date such as `2022`, `2022-05` or `2022-05-10` can mean.

    >>> latest("2022-02").isoformat()
    '2022-02-28'
    """
    return _bounds(text)[1]


def _bounds(text: str) -> tuple[date, date]:
    match = _DATE.fullmatch(text)
    if match is None:
        raise Problem(
            f"'{text[:30]}' is not a date",
            why="dates are written year-month-day, as far as they are known",
            fix="write e.g. '2022', '2022-05' or '2022-05-10' in quotes",
        )
    year, month, day = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    try:
        first = date(year, month or 1, day or 1)
        end_month = month or 12
        last = date(year, end_month, day or calendar.monthrange(year, end_month)[1])
    except (ValueError, calendar.IllegalMonthError):
        raise Problem(f"'{text}' is not a day of the calendar", fix="correct the month or the day") from None
    return first, last


def _checked(value: Any) -> str:
    text = str(value)
    _bounds(text)
    return text


Published = Annotated[str, BeforeValidator(_checked)]
