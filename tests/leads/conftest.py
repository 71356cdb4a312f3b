"""What the tests of people share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from outreach.lib import events
from outreach.lib.events import Event


@dataclass(frozen=True)
class Info:
    """A profile as a search or a visit shows it."""

    handle: str
    remote_id: str = ""
    display_name: str = ""
    bio: str = ""
    url: str = ""
    language: str = ""
    location: str = ""
    website: str = ""
    avatar_url: str = ""
    followers_count: int | None = None
    following_count: int | None = None
    posts_count: int | None = None
    posts: tuple[object, ...] = ()


@pytest.fixture
def told() -> Iterator[list[Event]]:
    """Events emitted during the test."""
    heard: list[Event] = []
    subscriber = heard.append
    events.subscribe("*", subscriber)
    yield heard
    events._subscribers["*"].remove(subscriber)


def named(told: list[Event], name: str) -> list[Event]:
    """Those of the events that are called ``name``."""
    return [event for event in told if event.name == name]


@contextmanager
def own_queries() -> Iterator[list[str]]:
    """The statements on the tables of people and on address locks; what subscribers of events do is their affair."""
    own: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield own
    statements = [str(query["sql"]) for query in captured.captured_queries]
    own += [sql for sql in statements if '"leads_' in sql.split("WHERE")[0] or "pg_advisory" in sql]
