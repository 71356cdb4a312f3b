"""Every way to fail, as the right exception, judged by the ledger: only Unknown may have acted."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from automation.channels.base import (
    AuthFailed,
    Channel,
    ChannelError,
    Login,
    Proof,
    Refused,
    TryLater,
    Unknown,
)
from automation.channels.sandbox.channel import SandboxChannel, connect, retry_after
from automation.channels.sandbox.control import Control, OwnAccount, SyntheticPerson
from automation.channels.sandbox.process import ROOT
from tests.channels.sandbox.conftest import Talk, dm

# fault, its options, what an act raises, how many acts the ledger then has
ACT_FAULTS: list[tuple[str, dict[str, Any], type[ChannelError], int]] = [
    ("rate_limit", {"retry_after": 7}, TryLater, 0),
    ("error", {}, TryLater, 0),
    ("error", {"honest": False, "status": 502}, Unknown, 0),
    ("error_after", {"status": 500}, Unknown, 1),
    ("error_after", {"status": 503}, Unknown, 1),
    ("drop", {}, Unknown, 1),
    ("drop_before", {}, Unknown, 0),
    ("truncate", {}, Unknown, 1),
    ("garble", {}, Unknown, 1),
    ("expire", {}, AuthFailed, 0),
]


@pytest.mark.parametrize(("fault", "options", "error", "acts"), ACT_FAULTS)
def test_fault_on_an_act_raises_and_acts_as_it_says(
    channel: Channel,
    control: Control,
    person: SyntheticPerson,
    fault: str,
    options: dict[str, Any],
    error: type[ChannelError],
    acts: int,
) -> None:
    control.fault(fault, kind="dm", count=1, **options)
    before, act = control.summary().total, dm(person)
    with pytest.raises(ChannelError) as caught:
        channel.message(act)
    assert type(caught.value) is error
    assert control.summary().total - before == acts
    assert channel.reconcile(act).proof is (Proof.PRESENT if acts else Proof.ABSENT)
    channel.message(dm(person))  # the fault struck once
    assert [rule["hits"] for rule in control.faults()] == [1]


@pytest.mark.parametrize(
    ("fault", "options", "error"),
    [
        ("rate_limit", {}, TryLater),
        ("error", {}, TryLater),
        ("error", {"honest": False}, TryLater),
        ("error_after", {}, TryLater),
        ("drop", {}, TryLater),
        ("drop_before", {}, TryLater),
        ("truncate", {}, TryLater),
        ("garble", {}, TryLater),
        ("expire", {}, AuthFailed),
    ],
)
def test_fault_on_a_read_is_never_unknown(
    channel: Channel, control: Control, fault: str, options: dict[str, Any], error: type[ChannelError]
) -> None:
    control.fault(fault, kind="reads", count=1, **options)
    with pytest.raises(ChannelError) as caught:
        channel.search("#coffee")
    assert type(caught.value) is error
    assert channel.search("#coffee").profiles


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(SandboxChannel, "deadline", 0.5)
    return 0.5


@pytest.mark.parametrize(("fault", "acts"), [("black_hole", 0), ("delay", 0), ("delay_after", 1)])
def test_silence_ends_at_the_deadline_as_unknown(
    hasty: float, channel: Channel, control: Control, person: SyntheticPerson, fault: str, acts: int
) -> None:
    control.fault(fault, kind="dm", count=1, seconds=3)
    before, started, act = control.summary().total, time.monotonic(), dm(person)
    with pytest.raises(Unknown):
        channel.message(act)
    assert time.monotonic() - started < hasty + 1
    time.sleep(3.2 if fault == "delay" else 0)  # a request given up on is not acted upon later either
    assert control.summary().total - before == acts


def test_short_delay_is_only_slow(channel: Channel, control: Control, person: SyntheticPerson) -> None:
    control.fault("delay", kind="dm", count=1, seconds=0.3)
    started = time.monotonic()
    channel.message(dm(person))
    assert time.monotonic() - started >= 0.3


def test_silence_on_a_read_is_try_later(hasty: float, channel: Channel, control: Control) -> None:
    control.fault("black_hole", kind="fetch_inbox", count=1)
    with pytest.raises(TryLater) as caught:
        channel.inbox("")
    assert not caught.value.rate_limited


def test_trickling_bytes_do_not_outlast_the_deadline(
    hasty: float, raw_server: Callable[[Talk], str], person: SyntheticPerson
) -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.1)

    channel = connect(Login(1, "me", raw_server(trickle), secret={"token": "t"}))
    started = time.monotonic()
    with pytest.raises(Unknown):
        channel.message(dm(person))
    assert time.monotonic() - started < hasty + 1


def test_refused_connection_is_try_later_for_acts_too(person: SyntheticPerson) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    channel = connect(Login(1, "me", f"http://127.0.0.1:{port}", secret={"token": "t"}))
    with pytest.raises(TryLater):
        channel.message(dm(person))


def test_private_address_that_is_not_allowed_is_refused_before_any_byte(
    settings: Any, raw_server: Callable[[Talk], str], person: SyntheticPerson
) -> None:
    reached: list[bool] = []
    url = raw_server(lambda connection: reached.append(True))
    settings.ALLOWED_PRIVATE_HOSTS = []
    with pytest.raises(Refused, match="ALLOWED_PRIVATE_HOSTS"):
        connect(Login(1, "me", url, secret={"token": "t"})).message(dm(person))
    assert reached == []


def _answering(status: str, body: bytes, headers: str = "") -> Talk:
    def talk(connection: socket.socket) -> None:
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)

    return talk


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        ("200 OK", b"", Unknown),
        ("200 OK", b"[]", Unknown),
        ("200 OK", b'{"id":"","url":""}', Unknown),
        ("200 OK", b'{"id":{},"url":""}', Unknown),
        ("200 OK", b"[" * 100_000, Unknown),
        ("302 Found", b"", Unknown),
        ("408 Request Timeout", b"", Unknown),
        ("500 Oops", b'{"acted": false', Unknown),
        ("500 Oops", b'{"acted": 0}', Unknown),
        ("503 Busy", b'{"acted": false}', TryLater),
        ("400 Bad", b"", Refused),
        ("403 No", b"", Refused),
        ("422 No", b"", Refused),
        ("401 Who", b"", AuthFailed),
    ],
)
def test_answers_to_an_act_mean(
    raw_server: Callable[[Talk], str],
    person: SyntheticPerson,
    status: str,
    body: bytes,
    error: type[ChannelError],
) -> None:
    channel = connect(Login(1, "me", raw_server(_answering(status, body)), secret={"token": "t"}))
    with pytest.raises(ChannelError) as caught:
        channel.message(dm(person))
    assert type(caught.value) is error


def test_server_that_echoes_the_token_does_not_get_it_into_the_message(
    raw_server: Callable[[Talk], str], person: SyntheticPerson
) -> None:
    body = b'{"error": "bad token canary-77"}'
    channel = connect(Login(1, "me", raw_server(_answering("403 No", body)), secret={"token": "canary-77"}))
    with pytest.raises(Refused) as caught:
        channel.message(dm(person))
    assert "canary-77" not in str(caught.value)
    assert "bad token" in str(caught.value)


def test_rate_limit_in_seconds_and_as_a_date(
    channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    control.fault("rate_limit", kind="dm", count=1, retry_after=7)
    control.fault("rate_limit", kind="follow", count=1, retry_after=90, as_date=True)
    with pytest.raises(TryLater) as seconds:
        channel.message(dm(person))
    with pytest.raises(TryLater) as date:
        channel.follow(dm(person))
    assert (seconds.value.rate_limited, seconds.value.retry_after) == (True, 7)
    assert date.value.rate_limited
    assert date.value.retry_after is not None
    assert 90 <= date.value.retry_after <= 93


def test_early_requests_are_seen(
    channel: Channel, control: Control, account: OwnAccount, person: SyntheticPerson
) -> None:
    control.fault("rate_limit", kind="dm", account=account.handle, count=1, retry_after=1)
    with pytest.raises(TryLater):
        channel.message(dm(person))
    channel.verify()
    channel.message(dm(person))
    time.sleep(1.1)
    channel.message(dm(person))
    seen = [
        (one.kind, one.early, one.early_for_kind)
        for one in control.requests()
        if one.account == account.handle
    ]
    assert seen == [("dm", False, False), ("verify", True, False), ("dm", True, True), ("dm", False, False)]


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf", "1e999"])
def test_retry_after_that_says_nothing_is_none(text: str) -> None:
    assert retry_after(httpx.Headers({"retry-after": text})) is None


def test_retry_after_date_is_measured_by_the_later_of_both_clocks() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    headers = httpx.Headers(
        {
            "retry-after": format_datetime(now + timedelta(seconds=30), usegmt=True),
            "date": format_datetime(
                now - timedelta(hours=2), usegmt=True
            ),  # the server's clock is behind ours
        }
    )
    assert retry_after(headers) == 7230


def test_retry_after_date_in_the_past_is_now() -> None:
    past = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    assert retry_after(httpx.Headers({"retry-after": past})) == 0


def test_faults_strike_by_seeded_chance_after_skipping(channel: Channel, control: Control) -> None:
    def struck() -> list[int]:
        control.reset_faults()
        control.forget_requests()
        control.fault("error", kind="verify", probability=0.5, seed=3, skip=2)
        for _ in range(20):
            try:
                channel.verify()
            except TryLater:
                continue
        return [one.status for one in control.requests()]

    first = struck()
    assert first == struck()
    assert first[:2] == [200, 200]
    assert 3 <= first.count(503) <= 15


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "gremlin"},
        {"fault": "drop", "odds": 1},
        {"fault": "drop", "probability": 2},
        {"fault": "drop", "seed": []},
    ],
)
def test_fault_rule_that_makes_no_sense_is_told_so(control: Control, rule: dict[str, Any]) -> None:
    with pytest.raises(httpx.HTTPStatusError) as caught:
        control.fault(**rule)
    assert caught.value.response.status_code == 400
    assert control.faults() == []


def test_expired_token_works_again_after_one_refresh(
    channel: Channel, control: Control, account: OwnAccount, login: Login
) -> None:
    control.expire(account.handle)
    with pytest.raises(AuthFailed):
        channel.verify()
    answer = httpx.post(f"{control.url}/api/v1/token/refresh", json={"refresh_token": account.refresh_token})
    renewed = Login(1, account.handle, login.server, secret={"token": answer.json()["token"]})
    assert connect(renewed).verify().handle == account.handle
    with pytest.raises(AuthFailed):
        channel.verify()  # the old token has ended
    assert control.summary().token_refreshes >= 1


@pytest.mark.parametrize(("environment", "deadline"), [({}, "10.0"), ({"SANDBOX_DEADLINE": "2.5"}, "2.5")])
def test_deadline_comes_from_the_environment(environment: dict[str, str], deadline: str) -> None:
    program = "from automation.channels.sandbox.channel import SandboxChannel; print(SandboxChannel.deadline)"
    said = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, env=environment, text=True)
    assert said.strip() == deadline
