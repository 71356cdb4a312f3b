"""Tables emptied after a test in a tenth of the time: most are empty already, and TRUNCATE makes new files for every one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql.operations import DatabaseOperations

# Waits for whoever still writes, as TRUNCATE does, so that nothing comes in afterwards; no trigger and no foreign key asks.
EMPTY = """
DO $$ BEGIN
    SET LOCAL session_replication_role = replica;
    LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE;
    {deletes}
END $$
"""
_truncate = DatabaseOperations.sql_flush


def sql_flush(self: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any) -> list[str]:
    """In place of Django's; its own where sequences are reset or the role may not switch triggers off."""
    with self.connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('is_superuser')")
        (is_superuser,) = cursor.fetchone()
    if options.get("reset_sequences") or is_superuser != "on" or not tables:
        return _truncate(self, style, tables, **options)
    names = [self.quote_name(table) for table in tables]
    deletes = "\n    ".join(
        f"IF EXISTS (SELECT FROM {name}) THEN DELETE FROM {name}; END IF;" for name in names
    )
    return [EMPTY.format(tables=", ".join(names), deletes=deletes)]
