"""Rows as the database holds them, before and after: what a merge changed, to the last byte, and how to take it back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model
from psycopg import sql

Image = dict[str, Any]  # a row by column, as jsonb shows it; times with microseconds, bytes in hex
Images = dict[tuple[str, int], Image]  # by table and primary key

READ = "SELECT {key}, to_jsonb(row) FROM {table} AS row WHERE {key} = ANY(%s)"
INSERT = "INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::{table}, %s::jsonb)"
RESTORE = """
UPDATE {table} AS row SET {columns}
FROM jsonb_populate_record(NULL::{table}, %s::jsonb) AS image WHERE row.{key} = %s
"""


def read(model: type[Model], keys: Sequence[int]) -> Images:
    """The rows of a table with these keys, as they are now."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        key_column = sql.Identifier(str(model._meta.pk.column))
        cursor.execute(sql.SQL(READ).format(table=sql.Identifier(table), key=key_column), [list(keys)])
        return {(table, key): _plain(image) for key, image in cursor.fetchall()}


def difference(before: Images, after: Images) -> list[list[Any]]:
    """What happened between: ``[table, key, "gone", row]``, ``[table, key, "new", row]`` or
    ``[table, key, "changed", {column: [before, after]}]``.
    """
    changes: list[list[Any]] = []
    for (table, key), old in before.items():
        new = after.get((table, key))
        if new is None:
            changes.append([table, key, "gone", old])
        elif old != new:
            columns = {name: [old[name], new.get(name)] for name in old if old[name] != new.get(name)}
            changes.append([table, key, "changed", columns])
    changes += [[table, key, "new", row] for (table, key), row in after.items() if (table, key) not in before]
    return changes


def take_back(changes: Sequence[Sequence[Any]], keys: Mapping[str, str]) -> list[str]:
    """Undo changes; what has changed again since and therefore stays, as ``table.column of key``. ``keys`` are the primary
    keys' columns by table.

    Constraints between tables are checked at the end, so the order does not matter to them.
    """
    stays: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        for table, key, what, _row in changes:
            if what == "new":
                cursor.execute(
                    sql.SQL("DELETE FROM {} WHERE {} = %s").format(
                        sql.Identifier(table), sql.Identifier(keys[table])
                    ),
                    [key],
                )
        for table, key, what, image in changes:
            if what == "gone":
                cursor.execute(sql.SQL(INSERT).format(table=sql.Identifier(table)), [json.dumps(image)])
            elif what == "changed":
                stays += _restore(cursor, table, keys[table], key, image)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return stays


def _restore(
    cursor: Any, table: str, key_column: str, key: int, columns: Mapping[str, Sequence[Any]]
) -> list[str]:
    """Columns go back that still are as the merge left them; the others have had a life of their own since."""
    statement = sql.SQL("SELECT to_jsonb(row) FROM {} AS row WHERE {} = %s FOR UPDATE")
    cursor.execute(statement.format(sql.Identifier(table), sql.Identifier(key_column)), [key])
    found = cursor.fetchone()
    if found is None:
        return [f"{table} {key}"]
    now = _plain(found[0])
    back = {name: old for name, (old, new) in columns.items() if now[name] == new}
    if back:
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = image.{}").format(sql.Identifier(name), sql.Identifier(name)) for name in back
        )
        restore = sql.SQL(RESTORE).format(
            table=sql.Identifier(table), columns=assignments, key=sql.Identifier(key_column)
        )
        cursor.execute(restore, [json.dumps(back), key])
    return [f"{table}.{name} of {key}" for name in columns if name not in back]


def _plain(image: Any) -> Image:
    return dict(json.loads(image) if isinstance(image, str) else image)
