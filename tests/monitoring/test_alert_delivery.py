"""How alerts reach people: together, signed, until they arrived, and never by two workers."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core import mail
from django.db import connections
from django.utils import timezone

from automation.models import Breaker
from monitoring import alerts, jobs
from monitoring.alerts import delivery
from monitoring.models import Alert, Change, Notice, Route

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Receiver:
    """A web server that keeps what it is sent and answers what it is told to."""

    url: str = ""
    status: int = 200
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.taken[-1][1])
        return found


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.taken.append((dict(self.headers), body))
            self.send_response(receiver.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    receiver.url = settings.ALERT_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/hook"
    yield receiver
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mailed(settings: Any) -> list[Any]:
    settings.ALERT_EMAILS = ["ops@example.org", "boss@example.org"]
    return mail.outbox


def make_due() -> None:
    """As if enough time had passed for what is left."""
    Notice.objects.filter(sent_at__isnull=False).update(sent_at=timezone.now() - timedelta(hours=1))
    Notice.objects.filter(due_at__isnull=False).update(due_at=timezone.now())


def test_mail_tells_everything_that_is_due_in_one_message(mailed: list[Any]) -> None:
    alerts.raise_alert(key="a", subject="It burns", message="Call the fire brigade.")
    alerts.raise_alert(key="b", subject="It is flooded")
    assert jobs.deliver_alerts() == 2
    (message,) = mailed
    assert message.subject == "[Outreach] Opened: It burns and 1 more"
    assert message.to == ["ops@example.org", "boss@example.org"]
    assert "Call the fire brigade." in message.body
    assert "It is flooded" in message.body
    assert Alert.objects.filter(notified_at__isnull=False).count() == 2
    assert delivery.deliver() == 0


def test_a_resolution_says_from_when_to_when(mailed: list[Any]) -> None:
    alerts.raise_alert(key="a", subject="It burns")
    delivery.deliver()
    alerts.resolve(["a"])
    make_due()
    assert delivery.deliver() == 1
    alert = Alert.objects.get()
    assert alert.resolved_at is not None
    assert mailed[-1].subject == "[Outreach] Resolved: It burns"
    assert f"{alert.opened_at:%H:%M:%S} UTC to" in mailed[-1].body


def test_a_flood_becomes_two_messages(mailed: list[Any]) -> None:
    alerts.raise_alert(key="first", subject="The first")
    assert delivery.deliver() == 1
    for number in range(50):
        alerts.raise_alert(key=str(number), subject=f"Account {number}")
        assert delivery.deliver() == 0
    make_due()
    assert delivery.deliver() == 50
    assert len(mailed) == 2


def test_webhook_gets_text_for_people_and_rows_for_programs(receiver: Receiver) -> None:
    alerts.raise_alert(key="a", subject="<It> burns & smokes", message="Run")
    assert delivery.deliver() == 1
    body = receiver.body()
    assert body["text"] == "*Opened:* &lt;It&gt; burns &amp; smokes"
    (row,) = body["alerts"]
    assert (row["key"], row["change"], row["level"], row["message"]) == ("a", "opened", "error", "Run")
    assert row["resolved_at"] is None
    assert "X-Outreach-Signature" not in receiver.taken[0][0]


def test_webhook_is_signed_over_time_and_body(receiver: Receiver, settings: Any) -> None:
    settings.ALERT_WEBHOOK_SECRET = "s3cret"
    alerts.raise_alert(key="a", subject="It burns")
    delivery.deliver()
    headers, body = receiver.taken[0]
    at = headers["X-Outreach-Timestamp"]
    assert abs(int(at) - timezone.now().timestamp()) < 60
    expected = hmac.new(b"s3cret", at.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Outreach-Signature"] == f"sha256={expected}"


def test_what_did_not_arrive_is_tried_again_later_and_arrives_once(
    receiver: Receiver, mailed: list[Any]
) -> None:
    receiver.status = 503
    alerts.raise_alert(key="a", subject="It burns")
    assert delivery.deliver() == 1  # by mail
    left = Notice.objects.get(route=Route.WEBHOOK)
    assert left.sent_at is None
    assert "503" in left.error
    assert left.due_at is not None
    assert left.due_at > timezone.now() + timedelta(seconds=20)
    assert (delivery.deliver(), len(receiver.taken)) == (0, 1)
    receiver.status = 204
    make_due()
    assert delivery.deliver() == 1
    assert (len(receiver.taken), len(mailed)) == (2, 1)


def test_a_redirect_is_no_delivery(receiver: Receiver) -> None:
    receiver.status = 302
    alerts.raise_alert(key="a", subject="It burns")
    assert delivery.deliver() == 0
    assert "302" in Notice.objects.get().error


def test_a_webhook_inside_the_private_network_is_not_called(receiver: Receiver, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    alerts.raise_alert(key="a", subject="It burns")
    assert delivery.deliver() == 0
    assert receiver.taken == []
    assert "private network" in Notice.objects.get().error


def test_news_of_yesterday_is_given_up(receiver: Receiver) -> None:
    receiver.status = 500
    alerts.raise_alert(key="a", subject="It burns")
    Notice.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert delivery.deliver() == 0
    notice = Notice.objects.get()
    assert (notice.due_at, notice.sent_at) == (None, None)


def test_a_webhook_that_keeps_failing_is_left_alone_and_that_is_mailed(
    receiver: Receiver, mailed: list[Any], settings: Any
) -> None:
    receiver.status = 500
    threshold = settings.ENGINE["breaker_failures"]
    for number in range(threshold + 3):
        alerts.raise_alert(key=str(number), subject="It burns")
        make_due()
        delivery.deliver()
    assert len(receiver.taken) == threshold
    make_due()
    delivery.deliver()
    assert "alerts by webhook keeps failing" in "".join(message.body for message in mailed)
    assert Notice.objects.filter(route=Route.WEBHOOK, due_at=Breaker.objects.get().probe_at).exists()


def test_two_workers_tell_it_once(receiver: Receiver) -> None:
    for number in range(5):
        alerts.raise_alert(key=str(number), subject="It burns")
    told: list[int] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        told.append(delivery.deliver())
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(told) == 5
    assert sorted(row["key"] for _, body in receiver.taken for row in json.loads(body)["alerts"]) == list(
        "01234"
    )


def test_a_worker_that_dies_while_it_tells_leaves_it_to_another(receiver: Receiver) -> None:
    alerts.raise_alert(key="a", subject="It burns")
    assert len(delivery._take(Route.WEBHOOK)) == 1
    assert delivery.deliver() == 0
    make_due()
    assert delivery.deliver() == 1
    assert receiver.body()["alerts"][0]["change"] == Change.OPENED
