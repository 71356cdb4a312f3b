import json
from collections import namedtuple
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account, Credential
from automation.enums import Reason, TaskState
from automation.models import Hold
from monitoring import checks, heartbeats
from monitoring.checks import Level
from monitoring.models import Heartbeat
from outreach.lib import crypto
from tests.factories import make_account, make_lane, make_task

pytestmark = pytest.mark.django_db


@pytest.fixture
def running():
    """Processes and schedules that beat, as in an installation that is well."""
    heartbeats.beat("cluster@a:1", "cluster")
    heartbeats.beat("dispatcher@a:2", "dispatcher")
    for name in heartbeats.INTERVALS:
        heartbeats.beat(heartbeats.schedule_name(name), "schedule")


def ago(**parts: float):
    return timezone.now() - timedelta(**parts)


def subjects() -> list[str]:
    return [finding.subject for finding in checks.run()]


def messages() -> str:
    return "\n".join(finding.message for finding in checks.run())


def test_installation_that_is_well_has_no_findings(running):
    lane = make_lane()
    make_task(lane)
    make_task(lane, state=TaskState.COMPLETED)
    assert checks.run() == []


def test_database_away_is_said_without_asking_it_more(running, monkeypatch):
    def away():
        raise OperationalError("connection refused")

    monkeypatch.setattr(checks.database, "database_now", away)
    (finding,) = checks.run()
    assert (finding.subject, finding.level) == ("database", Level.ERROR)
    assert "connection refused" in finding.message


def test_missing_migration_names_the_command(running):
    ((app, latest),) = MigrationLoader(connection).graph.leaf_nodes("monitoring")
    MigrationRecorder(connection).record_unapplied(app, latest)
    (finding,) = checks.run()
    assert (finding.subject, finding.mend) == ("migrations", "python manage.py migrate")
    assert f"monitoring.{latest}" in finding.message


def test_missing_cache_table_names_the_command(running):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE outreach_cache")
    (finding,) = checks.run()
    assert (finding.subject, finding.mend) == ("cache", "python manage.py createcachetable")


def test_no_worker_and_no_dispatcher_are_errors(running):
    Heartbeat.objects.filter(kind__in=["cluster", "dispatcher"]).update(beat_at=ago(minutes=1))
    found = [finding for finding in checks.run() if finding.level == Level.ERROR]
    assert [finding.subject for finding in found] == ["cluster", "dispatcher"]
    assert {finding.mend for finding in found} == {"python manage.py up"}


def test_one_of_two_clusters_gone_is_a_warning(running):
    heartbeats.beat("cluster@b:1", "cluster")
    Heartbeat.objects.filter(name="cluster@b:1").update(beat_at=ago(minutes=1))
    (finding,) = checks.run()
    assert (finding.subject, finding.level) == ("cluster", Level.WARNING)
    assert "cluster@b:1" in finding.message


def test_late_schedule_is_named(running):
    name, interval = next(iter(heartbeats.INTERVALS.items()))
    Heartbeat.objects.filter(name=f"schedule:{name}").update(beat_at=timezone.now() - interval * 1.6)
    (finding,) = checks.run()
    assert finding.subject == "schedule"
    assert finding.message.startswith(f"{name} last ran")


def test_schedule_that_never_ran_is_late_once_a_cluster_is_old_enough(running):
    name, interval = next(iter(heartbeats.INTERVALS.items()))
    Heartbeat.objects.filter(name=f"schedule:{name}").delete()
    assert checks.run() == []
    Heartbeat.objects.filter(kind="cluster").update(started_at=timezone.now() - interval * 1.6)
    assert [finding.message.partition(";")[0] for finding in checks.run()] == [f"{name} has never run"]


def test_work_that_stands_still_is_an_error(running, settings):
    settings.OVERDUE_ALERT_SECONDS = 120
    lane = make_lane(next_at=ago(seconds=150))
    make_task(lane, due_at=ago(seconds=150))
    (finding,) = checks.run()
    assert (finding.subject, finding.level) == ("overdue", Level.ERROR)
    assert "150 seconds" in finding.message or "151 seconds" in finding.message


@pytest.mark.parametrize(
    "lane_fields",
    [
        {"next_at": None},
        {"next_at": "just now"},  # its limit or gap ended a moment ago
        {"next_at": "long ago", "lease_until": "later"},  # somebody works in it
    ],
)
def test_old_task_that_could_not_run_before_is_not_overdue(running, lane_fields):
    times = {"just now": ago(seconds=1), "long ago": ago(hours=1), "later": ago(seconds=-20), None: None}
    lane = make_lane(**{name: times[value] for name, value in lane_fields.items()})
    make_task(lane, due_at=ago(hours=1))
    assert checks.run() == []


def test_held_task_is_not_overdue(running):
    lane = make_lane(next_at=ago(hours=1))
    make_task(lane, due_at=ago(hours=1))
    Hold.objects.create(lane=lane, reason=Reason.LIMIT, kind=ActionKind.FETCH_PROFILE, until=ago(hours=-1))
    assert checks.run() == []


def test_long_queue_is_a_warning(running, monkeypatch):
    monkeypatch.setattr(checks.queue.queue, "backlog", lambda: 201)
    assert messages() == "201 background jobs wait."


def test_open_breaker_becomes_an_error_after_half_an_hour(running):
    lane = make_lane(breaker_opened_at=ago(minutes=5))
    assert [(finding.subject, finding.level) for finding in checks.run()] == [("breaker", Level.WARNING)]
    lane.breaker_opened_at = ago(minutes=31)
    lane.save(update_fields=["breaker_opened_at"])
    (finding,) = checks.run()
    assert finding.level == Level.ERROR
    assert lane.account.handle in finding.message


def test_parked_task_asks_for_a_person_and_one_being_reconciled_does_not(running):
    make_task(state=TaskState.UNKNOWN, due_at=timezone.now())
    assert checks.run() == []
    make_task(state=TaskState.UNKNOWN, due_at=None, reason=Reason.PARKED)
    assert messages().startswith("1 acts may or may not have happened")


@pytest.mark.parametrize("status", [AccountStatus.ERROR, AccountStatus.PENDING])
def test_account_that_needs_somebody_is_named_after_a_while(running, status):
    account = make_account(status=status)
    assert checks.run() == []
    Account.objects.filter(pk=account.pk).update(status_changed_at=ago(minutes=16))
    (finding,) = checks.run()
    assert (finding.subject, finding.level) == ("accounts", Level.WARNING)
    assert account.handle in finding.message


def test_credential_without_its_key_is_an_error_and_stays_closed(running, settings):
    opened, closed = make_account(), make_account()
    stored = Credential.objects.get(pk=closed.pk)
    settings.ENCRYPTION_KEYS = [crypto.new_key()]
    stored.save(update_fields=["secret"])
    settings.ENCRYPTION_KEYS = [crypto.new_key()]
    Credential.objects.filter(pk=opened.pk).update(secret={"token": "a-token"})
    (finding,) = checks.run()
    assert (finding.subject, finding.level) == ("keys", Level.ERROR)
    assert finding.message.endswith(f"of 1 accounts: {closed.pk}")
    assert "token" not in finding.message


def test_disk_is_judged_by_what_is_left_for_us(running, monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    for used, level in ((89, None), (91, Level.WARNING), (98, Level.ERROR)):
        monkeypatch.setattr(checks.disk.shutil, "disk_usage", lambda _: Usage(110, used, 100 - used))  # noqa: B023
        assert {finding.level for finding in checks.run()} == ({level} if level else set())


def test_debug_in_production_is_an_error(running, settings):
    settings.DEBUG = True
    assert checks.run() == []
    settings.PRODUCTION = True
    assert subjects() == ["debug"]


def test_errors_come_before_warnings(running):
    make_lane(breaker_opened_at=ago(minutes=5))
    Heartbeat.objects.filter(kind="cluster").delete()
    assert [finding.level for finding in checks.run()] == [Level.ERROR, Level.WARNING]


def doctor(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out, no_color=True)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_doctor_says_all_is_well(running):
    assert doctor() == (0, "All is well.\n")
    assert doctor("--json") == (0, '{"ok": true, "findings": []}\n')


def test_doctor_ends_with_0_for_warnings_and_1_for_errors(running):
    make_lane(breaker_opened_at=ago(minutes=5))
    code, text = doctor()
    assert (code, text.splitlines()[0].partition(" ")[0]) == (0, "WARNING")
    Heartbeat.objects.filter(kind="cluster").delete()
    code, text = doctor()
    assert code == 1
    assert "      python manage.py up" in text.splitlines()


def test_doctor_prints_one_json_object_last():
    code, text = doctor("--json")
    report = json.loads(text.splitlines()[-1])
    assert (code, report["ok"]) == (1, False)
    assert set(report["findings"][0]) == {"level", "subject", "message", "mend"}


def test_site_file_that_cannot_be_used_is_named_with_its_line(running, settings, tmp_path):
    settings.WEB_SITES_DIR = str(tmp_path)
    assert checks.run() == []
    file = tmp_path / "acme.toml"
    file.write_text('name = "acme"\ntitle = 7\n')
    (finding,) = checks.run()
    assert (finding.subject, finding.level) == ("site_files", Level.ERROR)
    assert "acme.toml, line 2: title: must be a text" in finding.message
    file.write_text("name = acme\n")
    assert "acme.toml cannot be read" in messages()
    assert "line 1" in messages()


def test_folder_of_site_files_that_is_none_is_told(running, settings, tmp_path):
    settings.WEB_SITES_DIR = str(tmp_path / "nowhere")
    assert subjects() == ["site_files"]
