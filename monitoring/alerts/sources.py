"""Where alerts come from: events at once, and the checks by the clock.

An alert must never undo what it is about: whatever goes wrong while one is written is logged and left to the next look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from accounts.enums import AccountStatus, Health
from accounts.models import Account
from automation import breakers
from automation.models import Lane
from monitoring import alerts, checks
from monitoring.checks.finding import Finding
from monitoring.models import AlertLevel
from outreach.lib import events
from outreach.lib.clock import database_now

log = structlog.get_logger(__name__)
REMIND_AFTER = timedelta(minutes=30)
ACCOUNT, BREAKER, SERVICE, CHECK = "account:", "breaker:account:", "breaker:service:", "check:"
HEALTH = "health:"  # then the health and the account: each change is an alert of its own
# Breakers and accounts tell of themselves at once, one by one.
TOLD_BY_EVENTS = ("breaker", "accounts")


def connect() -> None:
    """Subscribe; called once when Django starts."""
    events.subscribe("breaker.opened", on_breaker_opened)
    events.subscribe("breaker.closed", on_breaker_closed)
    events.subscribe("account.status_changed", on_account_status)
    events.subscribe("account.health_changed", on_account_health)


def harmless(listener: Callable[[events.Event], None]) -> Callable[[events.Event], None]:
    """The listener in a savepoint of its own, so that the announcer's work stands whatever happens here."""

    def guarded(event: events.Event) -> None:
        try:
            with transaction.atomic():
                listener(event)
        except DatabaseError:
            log.exception("alert_not_written", event_name=event.name)

    return guarded


@harmless
def on_breaker_opened(event: events.Event) -> None:
    """A service or an account's network keeps failing."""
    if service := event.data.get("service"):
        _service_fails(service, event.data.get("detail", ""))
    for lane in Lane.objects.filter(pk__in=event.ids if not service else ()).select_related("account"):
        _network_fails(lane, event.data.get("detail", ""))


@harmless
def on_breaker_closed(event: events.Event) -> None:
    """It answers again."""
    service = event.data.get("service")
    alerts.resolve([f"{SERVICE}{service}"] if service else [f"{BREAKER}{pk}" for pk in event.ids])


@harmless
def on_account_status(event: events.Event) -> None:
    """A network turned an account away, or lets it in again; or somebody took it out of use."""
    if event.data["status"] == AccountStatus.DISABLED:
        alerts.resolve([_health_key(health, pk) for pk in event.ids for health in Health])
    if event.data["status"] != AccountStatus.ERROR:
        alerts.resolve([f"{ACCOUNT}{pk}" for pk in event.ids])
        return
    for account in _turned_away().filter(pk__in=event.ids):
        _account_refused(account)


@harmless
def on_account_health(event: events.Event) -> None:
    """An account fares worse or better: what was told of it is over, what it is now is told."""
    alerts.resolve([_health_key(event.data["was"], pk) for pk in event.ids])
    for account in _unwell().filter(pk__in=event.ids):
        _fares_badly(account)


def _service_fails(service: str, detail: str) -> bool:
    return alerts.raise_alert(
        key=f"{SERVICE}{service}", subject=f"{service} keeps failing",
        message=f"{detail}\nIt is left alone and tried again by itself.".strip(),
    )  # fmt: skip


def _network_fails(lane: Lane, detail: str) -> bool:
    return alerts.raise_alert(
        key=f"{BREAKER}{lane.pk}", level=AlertLevel.WARNING, subject=f"{lane.network} keeps failing for {lane.account.handle}",
        message=f"{detail}\nIt is tried again by itself, with one act at a time.".strip(),
    )  # fmt: skip


def _account_refused(account: Account) -> bool:
    return alerts.raise_alert(
        key=f"{ACCOUNT}{account.pk}", subject=f"{account.network} turned {account.handle} away",
        message=f"{account.status_reason}\nNothing is done with it until it has new credentials or is resumed.".strip(),
    )  # fmt: skip


def _turned_away() -> QuerySet[Account]:
    """Accounts that worked and were refused since. Whoever connects a new one reads the refusal right there."""
    return Account.objects.filter(status=AccountStatus.ERROR).exclude(remote_id="")


def _unwell() -> QuerySet[Account]:
    return Account.objects.exclude(status=AccountStatus.DISABLED).exclude(health=Health.HEALTHY)


def _health_key(health: str, pk: int) -> str:
    return f"{HEALTH}{health}:{pk}"


def _fares_badly(account: Account) -> bool:
    serious = account.health == Health.QUARANTINED
    what = "rests in quarantine" if serious else f"fares badly: {account.get_health_display().lower()}"
    return alerts.raise_alert(
        key=_health_key(account.health, account.pk), level=AlertLevel.ERROR if serious else AlertLevel.WARNING,
        subject=f"{account.handle} on {account.network} {what}", message=account.health_reason,
    )  # fmt: skip


def look() -> int:
    """What the clock sees of lanes, services and accounts: raise what events missed, resolve what is over, remind."""
    return _follow_state() + _remind(database_now())


def follow_checks() -> int:
    """Run the checks: one alert a subject, with everything they say of it; returns how many opened or were resolved."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in checks.run():
        if finding.subject not in TOLD_BY_EVENTS:
            found[f"{CHECK}{finding.subject}"].append(finding)
    over = alerts.open_alerts().filter(key__startswith=CHECK).exclude(key__in=found)
    changed = alerts.resolve(over.values_list("key", flat=True))
    for key, findings in found.items():
        worst = min(findings, key=lambda finding: finding.level != checks.Level.ERROR)
        message = "\n".join(f"{finding.message}\n{finding.mend}" for finding in findings)
        changed += alerts.raise_alert(key=key, subject=worst.message, message=message, level=worst.level)
    return changed


def _follow_state() -> int:
    """What events should have told and did not, be it that a row was deleted or a listener failed."""
    lanes = Lane.objects.filter(breaker_opened_at__isnull=False).select_related("account")
    true: dict[str, Callable[[], bool]] = {
        **{f"{BREAKER}{lane.pk}": partial(_network_fails, lane, "") for lane in lanes.iterator()},
        **{
            f"{SERVICE}{one.key}": partial(_service_fails, one.key, one.detail)
            for one in breakers.not_closed()
        },
        **{f"{ACCOUNT}{one.pk}": partial(_account_refused, one) for one in _turned_away().iterator()},
        **{_health_key(one.health, one.pk): partial(_fares_badly, one) for one in _unwell().iterator()},
    }
    known = set(alerts.open_alerts().exclude(key__startswith=CHECK).values_list("key", flat=True))
    return alerts.resolve(known - set(true)) + sum(
        raises() for key, raises in true.items() if key not in known
    )


def _remind(now: datetime) -> int:
    """Breakers that stayed open."""
    lasting = alerts.open_alerts().filter(key__startswith="breaker:", opened_at__lt=now - REMIND_AFTER)
    return alerts.remind(lasting)
