"""Telling people: all that is due by one route in one message, by e-mail and to a webhook, until it arrived.

The webhook gets JSON with a ``text`` that Slack and its likes show, and ``alerts`` for programs. With a secret set, the
header ``X-Outreach-Signature`` is ``sha256=`` and the hex HMAC-SHA256, under that secret, of the header
``X-Outreach-Timestamp`` (seconds since 1970), a dot, and the body; a receiver refuses what is older than five minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import httpx
import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from automation import breakers
from monitoring import alerts
from monitoring.models import Alert, Change, Notice, Route
from outreach.lib import net
from outreach.lib.clock import database_now

log = structlog.get_logger(__name__)
AT_ONCE = 100  # changes in one message
BUNDLE = timedelta(seconds=30)  # after one message, what follows waits so long for company
HELD = timedelta(minutes=2)  # for whom sends; if that worker dies, another one tries after it
GIVE_UP_AFTER = timedelta(days=1)
FIRST_WAIT, LONGEST_WAIT = 30.0, 900.0  # seconds between tries, doubled each time
POST_SECONDS = 10.0


class NotDelivered(Exception):
    """The receiver did not take it; the message says why."""


def deliver() -> int:
    """Tell what is due; returns how many changes arrived. What did not arrive is due again later."""
    return sum(_deliver(route) for route in alerts.routes())


def next_due() -> datetime | None:
    """When something is to be told next."""
    return (
        Notice.objects.filter(due_at__isnull=False)
        .order_by("due_at")
        .values_list("due_at", flat=True)
        .first()
    )


def _deliver(route: Route) -> int:
    notices = _take(route)
    if not notices:
        return 0
    try:
        with breakers.guard(f"alerts by {route}"):
            SENDERS[route](notices)
    except breakers.ServiceDown as down:
        _put_off(notices, str(down), until=down.retry_at)
        return 0
    except (OSError, smtplib.SMTPException, httpx.HTTPError, net.ForbiddenAddress, NotDelivered) as error:
        log.warning("alerts_not_delivered", route=str(route), error=str(error))
        _put_off(notices, f"{type(error).__name__}: {error}")
        return 0
    _arrived(notices)
    return len(notices)


@transaction.atomic
def _take(route: Route) -> list[Notice]:
    """What is due by this route, kept from other workers for a while; nothing right after another message."""
    now = database_now()
    mine = Notice.objects.filter(route=route)
    if mine.filter(sent_at__gt=now - BUNDLE).exists():
        return []
    due = (
        mine.filter(due_at__lte=now).select_related("alert").select_for_update(of=("self",), skip_locked=True)
    )
    taken = list(due.order_by("id")[:AT_ONCE])
    _of(taken).update(due_at=now + HELD, tries=F("tries") + 1)
    return taken


def _of(notices: Sequence[Notice]) -> QuerySet[Notice]:
    return Notice.objects.filter(pk__in=[notice.pk for notice in notices])


@transaction.atomic
def _arrived(notices: Sequence[Notice]) -> None:
    _of(notices).update(sent_at=Now(), due_at=None, error="")
    Alert.objects.filter(pk__in={notice.alert_id for notice in notices}).update(notified_at=Now())


def _put_off(notices: Sequence[Notice], error: str, *, until: datetime | None = None) -> None:
    """Try again later; what is a day old is news no more."""
    now = database_now()
    for notice in notices:
        wait = timedelta(seconds=min(FIRST_WAIT * 2.0**notice.tries, LONGEST_WAIT))
        over = notice.created_at < now - GIVE_UP_AFTER
        _of([notice]).update(due_at=None if over else until or now + wait, error=error[:500])


def _mail(notices: Sequence[Notice]) -> None:
    first = notices[0]
    more = f" and {len(notices) - 1} more" if len(notices) > 1 else ""
    EmailMessage(
        subject=f"[Outreach] {first.get_change_display()}: {first.alert.subject}{more}"[:250],
        body="\n\n".join(map(_story, notices)),
        to=alerts.recipients(),
    ).send()


def _story(notice: Notice) -> str:
    """One change for people to read."""
    alert = notice.alert
    began = f"{alert.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    if notice.change == Change.RESOLVED and alert.resolved_at:
        return f"{notice.get_change_display()}: {alert.subject}\nFrom {began} to {alert.resolved_at:%Y-%m-%d %H:%M:%S} UTC."
    return f"{notice.get_change_display()}: {alert.subject}\nSince {began}.\n{alert.message}".strip()


def _post(notices: Sequence[Notice]) -> None:
    body = json.dumps(
        {"text": _slack_text(notices), "alerts": [_plain(notice) for notice in notices]}
    ).encode()
    headers = {"Content-Type": "application/json", **_signature(body, int(time.time()))}
    with net.deadline(POST_SECONDS), net.client() as client:
        answer = client.post(settings.ALERT_WEBHOOK_URL, content=body, headers=headers)
    if not answer.is_success:
        raise NotDelivered(f"The webhook answered {answer.status_code}: {answer.text[:200]}")


def _signature(body: bytes, at: int) -> dict[str, str]:
    if not settings.ALERT_WEBHOOK_SECRET:
        return {}
    signed = hmac.new(settings.ALERT_WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return {"X-Outreach-Timestamp": str(at), "X-Outreach-Signature": f"sha256={signed.hexdigest()}"}


def _slack_text(notices: Sequence[Notice]) -> str:
    """Slack reads <, > and & as its own."""
    text = "\n".join(f"*{notice.get_change_display()}:* {notice.alert.subject}" for notice in notices)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(notice: Notice) -> dict[str, str | int | None]:
    alert = notice.alert
    return {
        "id": alert.pk, "key": alert.key, "change": notice.change, "level": alert.level, "subject": alert.subject,
        "message": alert.message, "opened_at": alert.opened_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
    }  # fmt: skip


SENDERS: dict[Route, Callable[[Sequence[Notice]], None]] = {Route.EMAIL: _mail, Route.WEBHOOK: _post}
