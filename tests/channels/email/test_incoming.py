"""Mails as they come: from people, from machines, from mail systems, and from those who mean harm."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automation.channels.base import Inbound
from automation.channels.email import incoming, quotes, wording
from automation.channels.email.imap import MOST_BYTES, Raw
from automation.conversations.reading import read as understand

AT = datetime(2026, 3, 1, tzinfo=UTC)
OURS = "0123456789abcdef0123456789abcdef@ours.test"
HEAD = "From: Bob <bob@people.test>\r\nTo: us@ours.test\r\nMessage-ID: <1@people.test>\r\n"


def read(text: str | bytes) -> Inbound | None:
    return incoming.read(Raw(1, AT, text if isinstance(text, bytes) else text.encode()))


def mail(head: str = "", body: str = "Hello", subject: str = "Re: A question") -> Inbound:
    found = read(f"{HEAD}Subject: {subject}\r\n{head}\r\n{body}")
    assert found is not None
    return found


@pytest.mark.parametrize(
    "head",
    [
        "Auto-Submitted: auto-replied\r\n", "Precedence: bulk\r\n", "Return-Path: <>\r\n", "X-Autoreply: yes\r\n",
        "List-Id: <news.shop.test>\r\n", "Auto-Submitted: auto-generated (failure)\r\n",
    ],
)  # fmt: skip
def test_machines_are_told_by_their_headers(head: str) -> None:
    assert mail(head).automatic


@pytest.mark.parametrize(
    "subject",
    [
        "Automatic reply: A question", "Out of Office: A question", "Automatische Antwort: Frage", "Abwesenheitsnotiz",
        "Réponse automatique : Bonjour", "=?utf-8?q?R=C3=A9ponse_automatique?=", "Auto: away",
    ],
)  # fmt: skip
def test_machines_are_told_by_their_subjects(subject: str) -> None:
    assert mail(subject=subject).automatic


@pytest.mark.parametrize("head", ["", "Auto-Submitted: no\r\n", "Precedence: first-class\r\n"])
def test_people_are_not_taken_for_machines(head: str) -> None:
    assert not mail(head).automatic


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Yes!\r\n\r\nOn Mon, 3 Nov 2025 at 10:00, Ann <a@ours.test> wrote:\r\n> Unsubscribe: x", "Yes!"),
        (
            "Yes!\r\n\r\nOn Mon, 3 Nov 2025 at 10:00, Ann Long Name\r\n<a@ours.test> wrote:\r\n\r\n> Stop",
            "Yes!",
        ),
        ("Ja!\r\n\r\nAm 3.11.2025 um 10:00 schrieb Ann <a@ours.test>:\r\n> x", "Ja!"),
        ("Oui\r\n\r\nLe lun. 3 nov. 2025 à 10:00, Ann <a@ours.test> a écrit :\r\n\r\n> x", "Oui"),
        ("Sure\r\n\r\n-----Original Message-----\r\nFrom: Ann\r\nSent: Monday\r\n\r\nunsubscribe", "Sure"),
        (
            "Sure\r\n\r\nFrom: Ann <a@ours.test>\r\nSent: Monday\r\nTo: Bob\r\nSubject: x\r\n\r\nunsubscribe",
            "Sure",
        ),
        ("Sure\r\n________________________________\r\nVon: Ann\r\nGesendet: Montag\r\n\r\nx", "Sure"),
        ("> do you?\r\nYes I do\r\n> really?\r\nReally", "Yes I do\nReally"),
        ("From: here on all is well", "From: here on all is well"),
    ],
)
def test_what_they_quote_is_not_what_they_say(body: str, words: str) -> None:
    assert mail(body=body).text == words


def test_quotations_in_html_are_left_out_too() -> None:
    body = "<div>Yes &amp; soon</div><blockquote><p>unsubscribe</p></blockquote><script>alert(1)</script>"
    assert mail("Content-Type: text/html; charset=utf-8\r\n", body).text == "Yes & soon"


def test_our_footer_reads_as_no_no_even_unquoted() -> None:
    footer = wording.plain("Hello", "https://ours.test/goodbye/1")
    assert not understand(f"Yes, tell me more\n{footer}").opts_out


def test_a_subject_of_their_own_counts() -> None:
    found = mail(body="", subject="unsubscribe")
    assert understand(found.text, automatic=found.automatic).opts_out
    assert mail(body="Hi", subject="Re: unsubscribe").text == "Hi"


def test_references_come_nearest_first() -> None:
    found = mail(f"References: <a@x> <b@x>\r\n <{OURS}>\r\nIn-Reply-To: <{OURS}>\r\n")
    assert found.references == (OURS, "b@x", "a@x")


REPORT = (
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=e\r\n\r\n--e\r\n"
    b"Content-Type: message/delivery-status\r\n\r\n"
)


def nested(depth: int) -> bytes:
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(depth))
    return (HEAD + head + "Content-Type: text/plain\r\n\r\nDeep\r\n").encode()


HOSTILE = [
    nested(60),
    nested(5_000),
    b"From: " + b"a@b.test, " * 30_000 + b"\r\n\r\nx",
    b"From: bob@people.test\r\nSubject: " + b"=?utf-8?q?" + b"=C3" * 50_000 + b"?=\r\n\r\nx",
    b"From: bob@people.test\r\nContent-Type: text/plain; charset=no-such\r\n\r\n\xff\xfe\x00hello",
    b"From: bob@people.test\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n\xd8\x00\xd8",
    b"From: bob@people.test\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64!!!",
    b"From: \xed\xa0\x80 <bob@people.test>\r\nSubject: \xed\xa0\x80\r\n\r\n\xed\xa0\x80",
    b"From: bob@people.test\r\nContent-Type: text/html\r\n\r\n" + b"<div>" * 60_000,
    *(
        b"From: bob@people.test\r\nContent-Type: text/html\r\n\r\n" + bad * 60_000
        for bad in (b"<!--", b"<!", b"<![", b"<?", b"</", b"<a ", b'<a b="', b"&#", b"<", b"<script>")
    ),
    b"From: bob@people.test\r\nReferences: " + b"<a@b> " * 50_000 + b"\r\n\r\nx",
    b"From: bob@people.test\r\n\r\n" + b"> " * 150_000,
    b"From: bob@people.test\r\n\r\n" + b"On " * 100_000,
    b"From: bob@people.test\r\n\r\n" + b"On x\r\n" * 50_000,
    b"From: MAILER-DAEMON@x.test\r\nSubject: failure notice\r\n\r\n" + b"mailbox " * 40_000,
    b"From: MAILER-DAEMON@x.test\r\nSubject: failure notice\r\n\r\n" + b"a" * 300_000,
    b"\x00" * 1_000,
    b"From: bob@people.test\r\nDate: Mon, 99 Foo 99999 99:99:99 +9999\r\n\r\nx",
    b"From: bob@people.test\r\nMessage-ID: <" + b"x" * 5_000 + b"@y>\r\n\r\nx",
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_mail_is_read_within_a_second_and_fits_its_columns(content: bytes) -> None:
    began = time.monotonic()
    found = read(content[:MOST_BYTES])
    assert time.monotonic() - began < 1.0
    if found is not None:
        assert len(found.remote_id) <= 255
        assert len(found.text) < 100_000
        assert found.sent_at <= AT


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000), st.sampled_from([b"", HEAD.encode(), REPORT]))
def test_no_bytes_whatever_stop_the_inbox(noise: bytes, head: bytes) -> None:
    found = read(head + noise)
    assert found is None or isinstance(found, Inbound)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=500))
def test_own_words_never_grow(text: str) -> None:
    assert len(quotes.own_words(text)) <= len(text)
