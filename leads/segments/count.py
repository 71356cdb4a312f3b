"""How many people rules fit, while somebody is still writing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction

from leads.segments.rules import check, people
from outreach.lib.admin.pagination import planned_rows

PATIENCE = 1_500  # milliseconds an exact count may take


@dataclass(frozen=True, slots=True)
class Counted:
    """``people``, and whether that is exact or PostgreSQL's estimate."""

    people: int
    exact: bool


def count(rules: Mapping[str, Any]) -> Counted:
    """Count whom these rules fit now; :class:`ValueError` says what is wrong with them."""
    fitting = people(check(rules)).order_by().values("pk")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(PATIENCE)])
            found = fitting.count()
            cursor.execute("SELECT set_config('statement_timeout', '0', true)")
            return Counted(found, exact=True)
    except OperationalError:
        return Counted(planned_rows(fitting), exact=False)
