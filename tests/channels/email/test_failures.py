"""SMTP answers and losses, step by step: only what gets lost after the final dot is unclear."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.email import imap, smtp
from automation.channels.email.channel import EmailChannel, connect
from outreach.lib import net
from tests.channels.email.conftest import OURS, mail
from tests.channels.email.world import MailWorld


@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        ("auth", "535 5.7.8 bad credentials", AuthFailed),
        ("auth", "454 4.7.0 temporary failure", TryLater),
        ("mail", "553 5.7.1 sender not owned by user", AuthFailed),
        ("mail", "451 4.3.0 try again", TryLater),
        ("mail", "552 5.3.4 message too large", Refused),
        ("rcpt", "550 5.1.1 user unknown", NotFound),
        ("rcpt", "550 no such user here", NotFound),
        ("rcpt", "550 5.4.1 Recipient address rejected: Access denied", NotFound),
        ("rcpt", "552 5.2.2 mailbox full", Refused),
        ("rcpt", "554 5.7.1 blocked by policy", Refused),
        ("rcpt", "450 4.2.0 greylisted", TryLater),
        ("rcpt", "554 5.7.1 <bob@people.test>: Recipient address rejected: Access denied", Refused),
        ("rcpt", "553 5.7.1 <ann@ours.test>: Sender address rejected: not owned by user carl", AuthFailed),
        ("rcpt", "550 5.1.8 <ann@ours.test>: Sender address rejected: Domain not found", AuthFailed),
        ("rcpt", "554 5.7.1 <bob@people.test>: Relay access denied", AuthFailed),
        ("rcpt", "554 5.7.1 <ours.test[192.0.2.1]>: Client host rejected: Access denied", AuthFailed),
        (
            "rcpt",
            "550 5.1.1 <b@p.test>: Recipient address rejected: host mx said: Relay access denied",
            NotFound,
        ),
        ("data", "451 4.3.0 not now", TryLater),
        ("data", "554 5.7.1 no", Refused),
        ("dot", "451 4.7.1 try later", TryLater),
        ("dot", "550 5.7.1 looks like spam", Refused),
        ("dot", "", Unknown),
        ("data", "", TryLater),
        ("rcpt", "", TryLater),
        ("mail", "", TryLater),
        ("auth", "", TryLater),
    ],
)
def test_answers_become_the_channels_errors(
    world: MailWorld, channel: EmailChannel, step: str, reply: str, expected: type[ChannelError]
) -> None:
    world.smtp.fault(step, reply, count=9)  # a client may try several ways to sign in
    with pytest.raises(expected):
        channel.message(mail())
    assert world.smtp.taken == []


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot"])
def test_the_next_mail_goes_after_a_refusal_and_after_a_loss(
    world: MailWorld, channel: EmailChannel, step: str
) -> None:
    for reply in ("451 4.3.0 not now", ""):
        world.smtp.fault(step, reply)
        with pytest.raises(ChannelError):
            channel.message(mail())
    channel.message(mail())
    assert len(world.smtp.taken) == 1


def test_a_connection_in_which_much_was_refused_is_left(world: MailWorld, channel: EmailChannel) -> None:
    """Servers answer ever slower in it."""
    world.smtp.fault("rcpt", "550 5.1.1 user unknown", count=smtp.MOST_REFUSALS)
    for _ in range(smtp.MOST_REFUSALS):
        with pytest.raises(NotFound):
            channel.message(mail())
    before = world.smtp.connections
    channel.message(mail())
    channel.message(mail())
    assert (world.smtp.connections, len(world.smtp.taken)) == (before + 1, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"smtp_security": "tls"}, "Set the SMTP security to starttls"),
        ({"imap_security": "tls"}, "Set the IMAP security to starttls"),
        ({"smtp_port": "1"}, "Nothing answers at 127.0.0.1 on port 1; the usual one is 25"),
    ],
)
def test_a_port_of_another_kind_is_told(world: MailWorld, changes: dict[str, str], words: str) -> None:
    with pytest.raises(TryLater, match=words):
        connect(world.login(OURS, **changes)).verify()


def test_too_many_is_a_rate_limit_with_its_wait(world: MailWorld, channel: EmailChannel) -> None:
    for reply, wait in (
        ("450 4.7.1 Too many messages, try again in 90 seconds", 90.0),
        ("421 4.7.0 rate limit exceeded", 900.0),
        ("450 4.7.1 Error: too much mail from 192.0.2.1", 900.0),
        ("550 5.4.5 Daily user sending limit exceeded", 3600.0),
    ):
        world.smtp.fault("rcpt", reply)
        with pytest.raises(TryLater) as caught:
            channel.message(mail())
        assert (caught.value.rate_limited, caught.value.retry_after) == (True, wait)


def test_greylisting_waits_as_long_as_asked(world: MailWorld, channel: EmailChannel) -> None:
    for reply, wait in (
        ("451 4.7.1 Greylisted, come back in 5 minutes", 300.0),
        ("450 4.2.0 greylisted", 300.0),
    ):
        world.smtp.fault("rcpt", reply)
        with pytest.raises(TryLater) as caught:
            channel.message(mail())
        assert (caught.value.rate_limited, caught.value.retry_after) == (False, wait)


def test_a_mail_lost_after_the_dot_is_found_among_the_sent(world: MailWorld, channel: EmailChannel) -> None:
    world.smtp.fault("dot", taken=True)
    wanted = mail()
    with pytest.raises(Unknown):
        channel.message(wanted)
    assert len(world.smtp.taken) == 1
    assert channel.reconcile(wanted).done.remote_id == world.smtp.taken[0].message_id


def test_nothing_is_sent_once_the_time_is_over(world: MailWorld, channel: EmailChannel) -> None:
    with net.deadline(0.0), pytest.raises(TryLater):
        channel.message(mail())
    assert world.smtp.taken == []


@pytest.mark.parametrize(
    ("step", "expected"), [("mail", TryLater), ("rcpt", TryLater), ("data", TryLater), ("dot", Unknown)]
)
def test_a_server_that_falls_silent_is_left_sooner_before_the_dot_than_after_it(
    world: MailWorld,
    channel: EmailChannel,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    expected: type[ChannelError],
) -> None:
    monkeypatch.setattr(smtp, "UNTIL_DOT_SECONDS", 0.5)
    monkeypatch.setattr(smtp, "AFTER_DOT_SECONDS", 2.5)
    world.smtp.fault(step, silent=True)
    began = time.monotonic()
    with pytest.raises(expected):
        channel.message(mail())
    took = time.monotonic() - began
    assert (took < 2.0) is (step != "dot")
    assert world.smtp.taken == []


def test_servers_that_never_greet_are_left(
    world: MailWorld, monkeypatch: pytest.MonkeyPatch, silent_port: int
) -> None:
    monkeypatch.setattr(smtp, "UNTIL_DOT_SECONDS", 0.5)
    monkeypatch.setattr(imap, "HELLO_SECONDS", 0.5)
    channel = connect(world.login(OURS, smtp_port=str(silent_port), imap_port=str(silent_port)))
    began = time.monotonic()
    with pytest.raises(TryLater, match="set the SMTP security to tls"):
        channel.message(mail())
    with pytest.raises(TryLater, match="set the IMAP security to tls"):
        channel.inbox("1.1.20260101")
    assert time.monotonic() - began < 5.0


def test_a_server_that_is_away_is_tried_later(world: MailWorld) -> None:
    login = world.login(OURS)
    world.smtp.close()
    world.imap.down()
    with pytest.raises(TryLater):
        connect(login).message(mail())
    with pytest.raises(TryLater):
        connect(login).inbox("1.1.20260101")


def test_secrets_stay_out_of_logs_and_errors(world: MailWorld, caplog: pytest.LogCaptureFixture) -> None:
    login = world.login(OURS, password="canary-9d3e", imap_password="canary-9d3e")
    world.users[OURS] = "another"
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthFailed) as caught:
        connect(login).verify()
    ours = [record for record in caplog.records if not record.name.startswith(("mail", "pymap", "pysasl"))]
    assert "canary-9d3e" not in str(caught.value) + "".join(record.getMessage() for record in ours)


def test_a_server_that_repeats_the_password_is_not_repeated(world: MailWorld, channel: EmailChannel) -> None:
    world.smtp.fault("auth", f"535 5.7.8 no pass-{OURS} here", count=9)
    with pytest.raises(AuthFailed) as caught:
        channel.verify()
    assert f"pass-{OURS}" not in str(caught.value)


HOSTILE: list[dict[str, Any]] = [
    {"subject": "Hi\r\nBcc: eve@evil.test\r\n\r\nNew body"},
    {"subject": "Half \ud800 a pair \0 and a bell \a"},
    {"text": "Dots\n.\n..\n.hidden\n.\r\n.\r\nQUIT\r\n"},
    {"text": "Half \ud800 a pair and NUL \0"},
    {"text": "<script>alert(1)</script> & <img src=x onerror=y>"},
    {"post_id": "x@y>\r\nBcc: eve@evil.test"},
    {"link": "https://ours.test/u/1>\r\nBcc: eve@evil.test"},
    {"text": "ü" * 5000, "subject": "ü" * 5000},
]


@pytest.mark.parametrize("fields", HOSTILE, ids=lambda fields: next(iter(fields)))
def test_nothing_in_a_mail_becomes_a_header_or_a_command(
    world: MailWorld, channel: EmailChannel, fields: dict[str, Any]
) -> None:
    channel.message(mail(**fields))
    [taken] = world.smtp.taken
    head, _, body = taken.content.partition(b"\r\n\r\n")
    assert b"evil" not in b"".join(line for line in head.split(b"\r\n") if line.lower().startswith(b"bcc"))
    assert taken.recipient == "bob@people.test"
    assert b"<script" not in body.partition(b"text/html")[2]
    assert all(len(line) <= 998 for line in taken.content.split(b"\r\n"))


@pytest.mark.parametrize(
    "handle", ["bob@people.test\r\nRCPT TO:<eve@evil.test>", "bob", "", "a b@c.test>,<x@y"]
)
def test_an_address_that_is_none_is_refused(world: MailWorld, channel: EmailChannel, handle: str) -> None:
    with pytest.raises((Refused, NotFound)):
        channel.message(mail(handle=handle))
    assert [taken.recipient for taken in world.smtp.taken if "evil" in taken.recipient] == []
