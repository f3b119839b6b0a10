"""When the queries of a file were asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timezone

from nic.errors import UserError
from pairs.loading import Pairs
from pairs.reading.records import Place


def read_dates(pairs: Pairs, name: str, rows: Iterable[int]) -> dict[int, datetime]:
    """Returns the dates of a field by row; one without a time zone counts as UTC.

    Raises:
        UserError: One of the rows has no date in this field.
    """
    return {row: _read_date(pairs.extras[row].get(name), pairs.place(row), name) for row in rows}


def as_date(value: object) -> datetime | None:
    """Returns a date, or a text in the form of ISO 8601, with a time zone; None for others."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            # Python 3.10 does not read the "Z" of ISO 8601.
            value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def _read_date(value: object, place: Place, name: str) -> datetime:
    found = as_date(value)
    if found is None:
        raise UserError(
            f'{place}: field "{name}" is no date such as 2025-03-31; --split-by date needs one in '
            "every row that may be held out, name its field with --date-field"
        )
    return found
