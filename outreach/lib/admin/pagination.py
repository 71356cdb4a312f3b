"""Pages of big tables: estimated counts, and far pages that read no more rows than near ones."""

from __future__ import annotations

import json
from typing import Any

from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import QuerySet
from django.utils.functional import cached_property

EXACT_BELOW = 20_000  # rows; below it counting is cheap and people expect exact figures
COUNTED = 10_000  # a filtered list is counted this far, and estimated beyond
# What counting may cost in the planner's units, about 50 ms of reading; what costs more is estimated from the start.
AFFORDABLE = 15_000.0


class BigTablePaginator(Paginator):
    """Counts big lists by PostgreSQL's statistics: the table's when nothing is filtered, the planner's when something is.

    A page is found by its keys alone, in the index; only its own rows are then read and annotated.
    """

    object_list: Any  # always a queryset

    @cached_property
    def count(self) -> int:
        """How many rows the list has; an estimate for a big one."""
        keys = self.object_list.order_by().values("pk")
        if self.object_list.query.where:
            if _plan(keys[:COUNTED])["Total Cost"] > AFFORDABLE:
                return max(1, planned_rows(keys))
            counted: int = keys[:COUNTED].count()
            return counted if counted < COUNTED else max(COUNTED, planned_rows(keys))
        estimate = estimated_rows(self.object_list.model._meta.db_table)
        return estimate if estimate > EXACT_BELOW else keys.count()

    def page(self, number: int | str) -> Page:
        """The rows of one page, found by their keys."""
        page = super().page(number)
        first = (page.number - 1) * self.per_page
        keys = list(self.object_list.values_list("pk", flat=True)[first : first + self.per_page])
        page.object_list = self.object_list.filter(pk__in=keys)
        return page


def planned_rows(rows: QuerySet[Any, Any]) -> int:
    """How many rows PostgreSQL's planner expects of a query; it does not run it."""
    return int(_plan(rows)["Plan Rows"])


def _plan(rows: QuerySet[Any, Any]) -> dict[str, Any]:
    text = rows.explain(format="json")
    if not text:  # a condition that nothing can meet is never sent
        return {"Plan Rows": 0, "Total Cost": 0.0}
    (plan,) = json.loads(text)
    found: dict[str, Any] = plan["Plan"]
    return found


def estimated_rows(table: str) -> int:
    """PostgreSQL's own estimate of a table's rows, as of its last analyze; 0 before the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT GREATEST(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass", [table]
        )
        (rows,) = cursor.fetchone()
    return int(rows)
