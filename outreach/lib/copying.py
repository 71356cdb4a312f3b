"""Rows by the thousand into a table with COPY: what an import of half a million lines needs, and nothing else should."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone
from psycopg import sql
from psycopg.types.json import Jsonb


def insert_rows(model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows of a model, each a tuple in the order of ``columns`` (names of fields, ``person_id`` for keys).

    The other fields get their default and the present time as ``bulk_create`` would give them; the database fills what
    has a default of its own. Values go as they are: texts must fit their columns. Triggers and constraints apply.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    constant = {
        field.column: _plain(_default(field))
        for name, field in fields.items()
        if name not in columns and _is_ours(field)
    }
    tail = tuple(constant.values())
    names = [str(name) for name in (*(fields[name].column for name in columns), *constant)]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model._meta.db_table), sql.SQL(", ").join(sql.Identifier(name) for name in names)
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row((*row, *tail))


def next_keys(model: type[Model], count: int) -> list[int]:
    """Primary keys nobody else will get, for rows that others of the same batch point at."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            # The sequence is looked up once, not for every key.
            "SELECT nextval((SELECT pg_get_serial_sequence(%s, 'id')::regclass)) FROM generate_series(1, %s)",
            [table, count],
        )
        return [key for (key,) in cursor.fetchall()]


def _is_ours(field: Field[Any, Any]) -> bool:
    return not field.primary_key and field.db_default is NOT_PROVIDED


def _plain(value: Any) -> Any:
    """The same value as text, worked out once instead of for every row; COPY makes of it what the column holds."""
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value.obj) if isinstance(value, Jsonb) else value


def _default(field: Field[Any, Any]) -> Any:
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return timezone.now()
    return field.get_db_prep_save(field.get_default(), connection)
