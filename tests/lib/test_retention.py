"""The run over all rules of retention."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from automation.enums import TaskState
from automation.models import Task
from outreach.lib import retention
from tests.factories import make_lane, make_task

pytestmark = pytest.mark.django_db


class Table:
    """A table that loses rows when told to, and remembers in which portions."""

    def __init__(self, rows: int) -> None:
        self.rows, self.portions = rows, list[int]()
        self.before: datetime | None = None

    def rule(self) -> retention.Rule:
        return retention.Rule("things", timedelta(days=3), lambda before: self.rows, self.forget)

    def forget(self, before: datetime, batch: int) -> int:
        self.before, gone = before, min(batch, self.rows)
        self.rows -= gone
        self.portions.append(gone)
        return gone


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Registers rules for one test, in place of everybody's."""
    monkeypatch.setattr(retention, "_rules", {})
    monkeypatch.setattr(retention, "BATCH", 10)
    return lambda *rules: retention.register(*rules)


def test_run_deletes_in_batches_until_nothing_is_left(only: Any) -> None:
    table = Table(25)
    only(table.rule())
    assert retention.overdue().rows == {"things": 25}
    assert retention.run() == retention.Report({"things": 25})
    assert table.portions == [10, 10, 5, 0]
    assert table.before is not None
    assert timedelta(days=3) <= timezone.now() - table.before < timedelta(days=3, minutes=1)


def test_run_stops_when_its_time_is_up_and_says_so(only: Any) -> None:
    table = Table(100)
    only(table.rule())
    report = retention.run(seconds=0)
    assert (report.rows, report.finished) == ({"things": 10}, False)


def test_between_full_batches_it_rests_longer_than_they_took(
    only: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    clock = iter(range(1000))
    monkeypatch.setattr(retention.time, "monotonic", lambda: float(next(clock)) / 10)
    monkeypatch.setattr(retention.time, "sleep", rests.append)
    only(Table(25).rule())
    retention.run(rest=3.0)
    assert rests == [pytest.approx(0.3)] * 2


@pytest.mark.parametrize(("flags", "left"), [(["--dry-run"], 1), ([], 0)])
def test_command_deletes_unless_it_is_dry(flags: list[str], left: int) -> None:
    at = timezone.now() - timedelta(days=8)
    make_task(make_lane(), state=TaskState.COMPLETED, finished_at=at, due_at=None)
    out = StringIO()
    call_command("purge", "--json", *flags, stdout=out)
    said = json.loads(out.getvalue())
    assert (said["rows"]["completed tasks"], said["total"], said["dry_run"]) == (1, 1, bool(flags))
    assert Task.objects.count() == left


def test_command_without_json_names_every_rule() -> None:
    out = StringIO()
    call_command("purge", "--dry-run", stdout=out)
    named = {
        "completed tasks",
        "failed tasks",
        "counters",
        "import files",
        "audit",
        "alerts",
        "would be deleted",
    }
    assert named <= {line.split(maxsplit=1)[1] for line in out.getvalue().splitlines()}
