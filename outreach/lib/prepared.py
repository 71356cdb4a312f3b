"""Statements that run all the time: the server parses and plans each once per connection instead of every time.

Django sends every statement as new text, and planning the engine's costs more than running them. Those that are written
out and run for every act go through here. Behind a pgbouncer, which cannot keep them, they are planned each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Model

M = TypeVar("M", bound=Model)
Parameters = Sequence[Any] | Mapping[str, Any] | None


@contextmanager
def cursor() -> Iterator[CursorWrapper]:
    """A cursor like Django's own, with its errors, that binds values on the server; while queries are logged, its own.

    The server must be able to tell each value's type: cast those that stand alone (``%s::text``).
    """
    if connection.queries_logged:  # Django's log knows the text of its own cursors' statements alone
        with connection.cursor() as logged:
            yield logged
        return
    connection.ensure_connection()
    driver = connection.connection
    driver.prepare_threshold = 0 if settings.PREPARED_STATEMENTS else None
    bound: Any = psycopg.Cursor(driver)
    with connection.make_cursor(bound) as wrapped:
        yield wrapped


def execute(statement: str, parameters: Parameters = None) -> int:
    """Run a statement that returns nothing; the number of rows it changed."""
    with cursor() as opened:
        opened.execute(statement, parameters)
        return int(opened.rowcount)


def rows(statement: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
    """All rows a statement returns."""
    return _ask(Query(statement, parameters))


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with its values."""

    statement: str
    parameters: Parameters = None

    def read(self, answered: CursorWrapper) -> list[Any]:
        """The rows the server answered, if it answers this with rows."""
        return list(answered.fetchall()) if answered.description else []


@dataclass(frozen=True, slots=True)
class Select(Generic[M]):
    """Instances of ``model`` by what follows FROM in a SELECT; ``also`` names one more expression, which becomes an attribute."""

    model: type[M]
    where: str
    parameters: Parameters = None
    also: str = ""

    @property
    def statement(self) -> str:
        """What the server is asked."""
        names = ", ".join(_columns(self.model))
        return f"SELECT {names}{self.also and ', ' + self.also} FROM {self.model._meta.db_table} {self.where}"  # noqa: S608

    def read(self, answered: CursorWrapper) -> list[M]:
        """The instances in what the server answered."""
        beyond = [column.name for column in answered.description[len(_columns(self.model)) :]]
        return [_instance(self.model, row, beyond) for row in answered.fetchall()]


def together(*asked: Query | Select[Any]) -> list[list[Any]]:
    """What several statements find, asked in one go: they wait for the server once, not once each.

    They run in order, each seeing what was committed before it ran, so the first may take a lock that the others count on.
    """
    if len(asked) == 1 or connection.queries_logged or not settings.PREPARED_STATEMENTS:
        return [_ask(one) for one in asked]
    with ExitStack() as opened:
        cursors = [opened.enter_context(cursor()) for _ in asked]
        with connection.wrap_database_errors, connection.connection.pipeline():
            for each, one in zip(cursors, asked, strict=True):
                each.execute(one.statement, one.parameters)
        return [one.read(each) for each, one in zip(cursors, asked, strict=True)]


def _ask(one: Query | Select[Any]) -> list[Any]:
    with cursor() as opened:
        opened.execute(one.statement, one.parameters)
        return one.read(opened)


@cache
def _columns(model: type[Model]) -> tuple[str, ...]:
    """Its columns, quoted and by name: a ``*`` that grows would break what is prepared."""
    fields = model._meta.concrete_fields
    converted = [field.name for field in fields if field.get_db_converters(connection)]
    if converted:
        raise TypeError(
            f"Django converts {', '.join(converted)} of {model.__name__}: use a queryset instead."
        )
    return tuple(f'"{field.column}"' for field in fields)


def _instance(model: type[M], row: Sequence[Any], beyond: Sequence[str]) -> M:
    fields = [field.attname for field in model._meta.concrete_fields]
    one = model.from_db(DEFAULT_DB_ALIAS, fields, row[: len(fields)])
    for name, value in zip(beyond, row[len(fields) :], strict=True):
        setattr(one, name, value)
    return one
