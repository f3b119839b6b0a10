"""When the queries of a file were asked."""

from __future__ import annotations

from datetime import date, datetime, timezone

from nic.errors import UserError
from pairs.loading import Pairs
from pairs.reading.records import Place


def read_dates(pairs: Pairs, name: str) -> list[datetime]:
    """Returns the dates of a field of every row; one without a time zone counts as UTC.

    Raises:
        UserError: A row has no date in this field.
    """
    return [
        _read_date(extra.get(name), pairs.place(row), name)
        for row, extra in enumerate(pairs.extras)
    ]


def _read_date(value: object, place: Place, name: str) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            # Python 3.10 does not read the "Z" of ISO 8601.
            value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise UserError(
            f'{place}: field "{name}" is no date such as 2025-03-31; --split-by date needs one in '
            "every row, name its field with --date-field"
        )
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)
