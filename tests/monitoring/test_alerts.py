"""One alert a change of state, whatever tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from accounts import services as accounts
from accounts.enums import AccountStatus
from automation import breakers
from automation.engine import breaker
from automation.engine.lanes import Lease
from automation.engine.shapes import Answer, Claim, Outcome
from automation.enums import Reason
from automation.models import Breaker, Lane
from monitoring import alerts, checks
from monitoring.alerts import sources
from monitoring.checks.finding import Finding, error, warning
from monitoring.models import Alert, AlertLevel, Change, Notice, Route
from outreach.lib import events, queue
from tests.factories import make_account, make_lane

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def routes(settings: Any) -> None:
    settings.ALERT_EMAILS = ["ops@example.org"]
    settings.ALERT_WEBHOOK_URL = "https://hooks.example.org/x"


def outcomes(answer: Answer, count: int = 1) -> list[Outcome]:
    reason = Reason.RETRY if answer is Answer.LATER else ""
    claim = Claim(1, "follow", uuid4(), 1, 0, None, None, None, None, {}, "", "", on_probation=True)
    return [Outcome(claim, answer, reason=reason, error="502 Bad Gateway")] * count


def count(lane: Lane, answer: Answer, times: int = 1) -> None:
    breaker.count(Lease(lane.pk, lane.network, 0, "test"), outcomes(answer, times))


def told() -> list[tuple[str, str]]:
    return [(notice.alert.subject, notice.change) for notice in Notice.objects.filter(route=Route.EMAIL)]


def aged(key: str, minutes: float) -> None:
    Alert.objects.filter(key=key).update(opened_at=timezone.now() - timedelta(minutes=minutes))


def test_an_alert_opens_once_and_learns_what_is_new() -> None:
    assert alerts.raise_alert(key="k", subject="It burns", message="a little", level=AlertLevel.WARNING)
    assert not alerts.raise_alert(key="k", subject="It burns", message="a lot", level=AlertLevel.ERROR)
    alert = Alert.objects.get()
    assert (alert.message, alert.level, alert.resolved_at) == ("a lot", AlertLevel.ERROR, None)
    assert told() == [("It burns", Change.OPENED)]


def test_an_alert_that_comes_back_is_another_one() -> None:
    for _ in range(2):
        assert alerts.raise_alert(key="k", subject="It burns")
        assert alerts.resolve(["k"]) == 1
    assert alerts.resolve(["k", "never seen"]) == 0
    assert told() == [("It burns", Change.OPENED), ("It burns", Change.RESOLVED)] * 2


def test_each_route_is_told_and_one_job_is_asked_for() -> None:
    before = queue.backlog()
    for key in ("a", "b"):
        alerts.raise_alert(key=key, subject=key)
    assert Notice.objects.filter(change=Change.OPENED).count() == 4
    assert queue.backlog() == before + 1


def test_without_a_route_alerts_only_stand_in_the_admin(settings: Any) -> None:
    settings.ALERT_EMAILS, settings.ALERT_WEBHOOK_URL = [], ""
    before = queue.backlog()
    alerts.raise_alert(key="k", subject="It burns")
    assert (Alert.objects.count(), Notice.objects.count(), queue.backlog() - before) == (1, 0, 0)


def test_mail_goes_to_admins_when_no_address_is_named(settings: Any) -> None:
    settings.ALERT_EMAILS, settings.ADMINS = [], [("Ada", "ada@example.org")]
    assert alerts.recipients() == ["ada@example.org"]


def test_a_lanes_breaker_alerts_when_it_opens_and_when_it_closes(settings: Any) -> None:
    lane = make_lane(make_account(handle="ours"))
    threshold = settings.ENGINE["breaker_failures"]
    count(lane, Answer.LATER, threshold - 1)
    assert told() == []
    count(lane, Answer.UNKNOWN)
    count(lane, Answer.LATER)  # the probe fails: still the same state
    alert = Alert.objects.get()
    assert (alert.key, alert.level) == (f"breaker:account:{lane.pk}", AlertLevel.WARNING)
    assert "502 Bad Gateway" in alert.message
    count(lane, Answer.DONE)
    count(lane, Answer.DONE)
    subject = f"{lane.network} keeps failing for ours"
    assert told() == [(subject, Change.OPENED), (subject, Change.RESOLVED)]


def test_a_breaker_open_for_over_half_an_hour_is_told_once_more(settings: Any) -> None:
    lane = make_lane()
    count(lane, Answer.LATER, settings.ENGINE["breaker_failures"])
    key = f"breaker:account:{lane.pk}"
    aged(key, 29)
    assert sources.look() == 0
    aged(key, 31)
    assert (sources.look(), sources.look()) == (1, 0)
    assert [change for _, change in told()] == [Change.OPENED, Change.REMINDED]
    assert Alert.objects.get().level == AlertLevel.ERROR


def test_only_breakers_are_told_again() -> None:
    accounts.mark_error(make_account(), "wrong password")
    Alert.objects.update(opened_at=timezone.now() - timedelta(hours=2))
    assert sources.look() == 0


def test_a_services_breaker_alerts(settings: Any) -> None:
    for _ in range(settings.ENGINE["breaker_failures"]):
        with pytest.raises(OSError), breakers.guard("llm"):
            raise OSError("no route to host")
    assert told() == [("llm keeps failing", Change.OPENED)]
    Breaker.objects.update(probe_at=timezone.now())
    with breakers.guard("llm"):
        pass
    assert told() == [("llm keeps failing", Change.OPENED), ("llm keeps failing", Change.RESOLVED)]


def test_an_account_that_is_turned_away_alerts_until_it_is_let_in() -> None:
    account = make_account(handle="ours")
    accounts.mark_error(account, "wrong password")
    accounts.mark_error(account, "wrong password, still")
    assert "wrong password" in Alert.objects.get().message
    accounts.mark_verified(account, remote_id=account.remote_id)
    subject = f"{account.network} turned ours away"
    assert told() == [(subject, Change.OPENED), (subject, Change.RESOLVED)]


def test_pausing_an_account_is_no_alert() -> None:
    accounts.pause(account=make_account(), by="ada")
    assert not Alert.objects.exists()


def test_what_events_missed_is_found_and_what_is_gone_is_resolved() -> None:
    broken = make_lane(breaker_opened_at=timezone.now(), failures=9)
    refused = make_account(status=AccountStatus.ERROR, status_reason="no such user")
    Breaker.objects.create(key="llm", opened_at=timezone.now(), probe_at=timezone.now(), failures=9)
    assert (sources.look(), sources.look()) == (3, 0)
    keys = {f"breaker:account:{broken.pk}", f"account:{refused.pk}", "breaker:service:llm"}
    assert set(alerts.open_alerts().values_list("key", flat=True)) == keys
    refused.delete()
    Breaker.objects.all().delete()
    assert sources.look() == 2
    assert alerts.open_alerts().get().key == f"breaker:account:{broken.pk}"


def test_an_alert_that_cannot_be_written_undoes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(**_: Any) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM monitoring_alert")
        return True

    monkeypatch.setattr(alerts, "raise_alert", breaks)
    account = make_account()
    accounts.mark_error(account, "wrong password")
    account.refresh_from_db()
    assert account.status == AccountStatus.ERROR
    with pytest.raises(DatabaseError):
        breaks()


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the checks find; a test changes it."""
    found: list[Finding] = []
    monkeypatch.setattr(checks, "run", lambda: found)
    return found


def subjects(rows: Iterable[Alert]) -> list[str]:
    return [alert.subject for alert in rows]


def test_checks_give_one_alert_a_subject_and_resolve_it(found: list[Finding]) -> None:
    found += [
        warning("disk", "Nearly full", "Make room"),
        error("disk", "Full", "Make room"),
        warning("queue", "Slow", "-"),
    ]
    assert (sources.follow_checks(), sources.follow_checks()) == (2, 0)
    disk = Alert.objects.get(key="check:disk")
    assert (disk.subject, disk.level) == ("Full", AlertLevel.ERROR)
    assert "Nearly full" in disk.message
    del found[:2]
    assert sources.follow_checks() == 1
    assert subjects(alerts.open_alerts()) == ["Slow"]


def test_checks_leave_to_events_what_events_tell(found: list[Finding]) -> None:
    found += [warning("breaker", "open", "-"), warning("accounts", "in error", "-")]
    assert sources.follow_checks() == 0
    accounts.mark_error(make_account(), "wrong password")
    sources.follow_checks()
    assert alerts.open_alerts().count() == 1  # and they do not resolve it either


def test_the_real_checks_become_alerts() -> None:
    before = {finding.subject for finding in checks.run()} - set(sources.TOLD_BY_EVENTS)
    sources.follow_checks()
    assert {alert.key.removeprefix("check:") for alert in alerts.open_alerts()} == before
    assert "cluster" in before  # none runs here


def test_an_alert_of_a_change_that_is_rolled_back_is_not_told() -> None:

    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction.atomic():
        events.emit("breaker.opened", model="automation.breaker", service="llm", detail="x")
        assert Alert.objects.exists()
        raise Undone
    assert not Alert.objects.exists()
    assert not Notice.objects.exists()
