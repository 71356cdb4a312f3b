"""The tables are those that this version expects."""

from collections.abc import Iterator

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from monitoring.checks.finding import Finding, error


def look() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        yield error(
            "migrations", f"{len(missing)} migrations are not applied: {names}", "python manage.py migrate"
        )
