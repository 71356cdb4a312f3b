"""Lists by key, newest first: page 10,000 costs what page 1 does, and rows that arrive meanwhile move nothing."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from outreach.lib.errors import ApiError

Row = TypeVar("Row", bound=Model)
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_ID = 2**63 - 1
_CURSOR = re.compile(r"before:([1-9][0-9]{0,18})")


def page(rows: QuerySet[Row], *, cursor: str | None, limit: int) -> dict[str, Any]:
    """``{data, pagination{has_more, next_cursor}}``: at most ``limit`` rows after ``cursor``, one query, no count.

    Raises :class:`outreach.lib.errors.ApiError` (422) for a cursor that no page gave.
    """
    if cursor is not None:
        rows = rows.filter(pk__lt=_before(cursor))
    found = list(rows.order_by("-pk")[: limit + 1])
    data, has_more = found[:limit], len(found) > limit
    return {
        "data": data,
        "pagination": {"has_more": has_more, "next_cursor": cursor_after(data[-1].pk) if has_more else None},
    }


def cursor_after(pk: int) -> str:
    """The cursor of the page that follows the row ``pk``."""
    return base64.urlsafe_b64encode(f"before:{pk}".encode()).decode().rstrip("=")


def _before(cursor: str) -> int:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    match = _CURSOR.fullmatch(text)
    if match is None or int(match.group(1)) > MAX_ID:
        message = "This cursor is not one we gave. Take next_cursor of the page before, or leave it out to start over."
        raise ApiError(422, message, fields={"query.cursor": [message]})
    return int(match.group(1))
