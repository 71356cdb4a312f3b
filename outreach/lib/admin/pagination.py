"""Pages of big tables: estimated counts, and far pages that read no more rows than near ones."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet
from django.utils.functional import cached_property

EXACT_BELOW = 20_000  # rows; below it counting is cheap and people expect exact figures
COUNTED = 10_000  # a filtered list is counted this far; nobody pages further


class BigTablePaginator(Paginator):
    """Counts by PostgreSQL's statistics when nothing is filtered, and at most ``COUNTED`` rows when something is.

    A page is found by its keys alone, in the index; only its own rows are then read and annotated.
    """

    @cached_property
    def count(self) -> int:
        """How many rows the list has; a close estimate for a big table."""
        rows: QuerySet = self.object_list
        if rows.query.where:
            return rows.order_by().values("pk")[:COUNTED].count()
        estimate = estimated_rows(rows.model._meta.db_table)
        return estimate if estimate > EXACT_BELOW else rows.order_by().values("pk").count()

    def _get_page(self, object_list: QuerySet, number: int, paginator: Paginator) -> object:  # type: ignore[override]
        first = (number - 1) * self.per_page
        rows: QuerySet = self.object_list
        keys = list(rows.values_list("pk", flat=True)[first : first + self.per_page])
        return super()._get_page(rows.filter(pk__in=keys), number, paginator)


def estimated_rows(table: str) -> int:
    """PostgreSQL's own estimate of a table's rows, as of its last analyze; 0 before the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT GREATEST(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass", [table]
        )
        (rows,) = cursor.fetchone()
    return int(rows)
