"""The one clock that counts: the database's, so a machine with a wrong clock cannot send early or twice."""

from __future__ import annotations

from datetime import datetime

from django.db import connection


def database_now() -> datetime:
    """The database's time at this moment (UTC, microseconds)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    return now
