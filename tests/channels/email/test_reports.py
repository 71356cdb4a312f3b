"""Reports of mail systems: by the standard, by hand, and as Postfix writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from automation.channels.base import Inbound, Notice
from automation.channels.email import incoming, replies
from automation.channels.email.imap import Raw

AT = datetime(2026, 3, 1, tzinfo=UTC)
OURS = "0123456789abcdef0123456789abcdef@ours.test"
HEAD = "From: Bob <bob@people.test>\r\nTo: us@ours.test\r\nMessage-ID: <1@people.test>\r\n"


def read(text: str | bytes) -> Inbound | None:
    return incoming.read(Raw(1, AT, text if isinstance(text, bytes) else text.encode()))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (  # exim
            "From: Mail Delivery System <Mailer-Daemon@mx.test>\r\nX-Failed-Recipients: bob@people.test\r\n"
            "Subject: Mail delivery failed: returning message to sender\r\nMessage-ID: <2@x>\r\n\r\n"
            "A message that you sent could not be delivered:\r\n  bob@people.test\r\n    550 5.1.1 no such user\r\n"
            f"Message-ID: <{OURS}>\r\n",
            ("hard", "bob@people.test", "5.1.1"),
        ),
        (  # qmail
            "From: MAILER-DAEMON@mx.test\r\nSubject: failure notice\r\nMessage-ID: <3@x>\r\n\r\nHi. This is the qmail-send "
            f"program.\r\n<bob@people.test>:\r\nSorry, no mailbox here by that name.\r\nMessage-ID: <{OURS}>\r\n",
            ("hard", "bob@people.test", ""),
        ),
        (
            "From: postmaster@mx.test\r\nSubject: Delivery delayed\r\nMessage-ID: <4@x>\r\n\r\nbob@people.test\r\n"
            f"The server will keep trying.\r\n{OURS}\r\n",
            ("delayed", "bob@people.test", ""),
        ),
    ],
)  # fmt: skip
def test_reports_written_by_hand_are_understood(text: str, wanted: tuple[str, str, str]) -> None:
    found = read(text)
    assert found is not None
    assert found.notice is not None
    assert (found.notice.kind, found.notice.address, found.notice.status) == wanted
    assert OURS in found.references


def report(action: str, status: str, words: str) -> Notice | None:
    found = read(
        f"{HEAD}Subject: Report\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=e\r\n\r\n"
        f"--e\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; B@P.test\r\n"
        f"Action: {action}\r\nStatus: {status}\r\nDiagnostic-Code: {words}\r\n\r\n--e--\r\n"
    )
    return found.notice if found else None


@pytest.mark.parametrize(
    ("action", "status", "words", "kind"),
    [
        ("failed", "5.1.1", "smtp; 550 user unknown", "hard"),
        ("failed", "5.1.10", "smtp; 556 null MX", "hard"),
        ("failed", "5.2.1", "smtp; 550 account disabled", "hard"),
        ("failed", "5.2.2", "smtp; 552 over quota", "soft"),
        ("failed", "5.7.1", "smtp; 550 message rejected as spam", "blocked"),
        ("failed", "5.7.26", "smtp; 550 fails DMARC", "blocked"),
        ("failed", "4.4.7", "smtp; 451 expired", "expired"),
        ("failed", "5.0.0", "smtp; 550 no such user", "hard"),
        ("delayed", "4.4.1", "smtp; 421 busy", "delayed"),
    ],
)
def test_reports_of_the_standard_are_understood(action: str, status: str, words: str, kind: str) -> None:
    found = report(action, status, words)
    assert found is not None
    assert (found.kind, found.address) == (kind, "b@p.test")


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("4.4.1", "X-Postfix; connect to mx.people.test[192.0.2.1]:25: Connection timed out", "expired"),
        ("4.7.1", "smtp; 450 4.7.1 Greylisted, see http://postgrey.example.org", "expired"),
        ("4.2.2", "smtp; 452 4.2.2 Mailbox full", "soft"),
        ("4.1.1", "smtp; 450 4.1.1 <b@p.test>: User unknown in local recipient table", "hard"),
        ("4.0.0", "smtp; 550 blocked for spam", "soft"),
    ],
)
def test_what_passes_and_failed_all_the_same_was_given_up(status: str, words: str, kind: str) -> None:
    """Postfix keeps the last passing failure's code in the report that ends it."""
    found = report("failed", status, words)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.1.8", "smtp; 550 5.1.8 <ann@ours.test>: Sender address rejected: Domain not found"),
        ("5.7.1", "smtp; 554 5.7.1 <bob@people.test>: Recipient address rejected: Access denied"),
        ("5.7.1", "smtp; 554 5.7.1 <mx.ours.test[192.0.2.1]>: Client host rejected: Access denied"),
    ],
)
def test_what_is_wrong_with_us_makes_no_bad_address(status: str, words: str) -> None:
    found = report("failed", status, words)
    assert found is not None
    assert found.kind == "blocked"


def test_a_report_with_letters_beyond_ascii_is_understood() -> None:
    found = read(
        f"{HEAD}Subject: Report\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=e\r\n\r\n"
        "--e\r\nContent-Type: message/global-delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        "Final-Recipient: utf-8; jürgen@people.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--e\r\nContent-Type: message/global\r\n\r\nTo: jürgen@people.test\r\nMessage-ID: <{OURS}>\r\n\r\nHello\r\n--e--\r\n"
    )
    assert found is not None
    assert found.notice is not None
    assert (found.notice.kind, found.notice.status, found.references[0]) == ("hard", "5.1.1", OURS)


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_a_report_of_several_names_whom_the_mail_was_written_to(kind: str) -> None:
    blocks = "".join(
        f"Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: {status}\r\n\r\n"
        for address, status in (("archive@ours.test", "5.1.1"), ("Bob@People.test", "5.2.2"))
    )
    found = read(
        f"{HEAD}Subject: Report\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=e\r\n\r\n"
        f"--e\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n{blocks}"
        f"--e\r\nContent-Type: {kind}\r\n\r\nTo: bob@people.test\r\nMessage-ID: <{OURS}>\r\n\r\n--e--\r\n"
    )
    assert found is not None
    assert found.notice is not None
    assert (found.notice.kind, found.notice.address) == ("soft", "bob@people.test")


RECORDED = {
    "no_user": ("hard", "bad@remote.test", "5.1.1"),
    "no_user_by_lmtp": ("hard", "nobody@people.test", "5.1.1"),
    "no_domain": ("hard", "x@nosuch.test", "5.4.4"),
    "full": ("soft", "full@people.test", "5.2.2"),
    "refused": ("blocked", "x@blocked.test", "5.7.1"),
    "delayed": ("delayed", "x@down.test", "4.4.1"),
    "expired": ("expired", "x@down.test", "4.4.1"),
}


def recorded(name: str) -> Inbound:
    """A report as Postfix 3.7 wrote it (tests/peers/mail) and Dovecot kept it."""
    found = read(
        Path(__file__).with_name("reports").joinpath(f"{name}.eml").read_bytes().replace(b"\n", b"\r\n")
    )
    assert found is not None
    return found


@pytest.mark.parametrize("name", RECORDED)
def test_reports_of_postfix_are_understood(name: str) -> None:
    found = recorded(name)
    assert found.notice is not None
    assert (found.notice.kind, found.notice.address, found.notice.status) == RECORDED[name]
    assert (found.references[0], found.automatic) == (OURS, True)


def test_success_that_postfix_reports_is_no_notice() -> None:
    found = recorded("relayed")
    assert (found.notice, found.automatic) == (None, True)


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_reports_that_all_is_well_are_none(action: str) -> None:
    assert report(action, "2.0.0", "smtp; 250 ok") is None


def test_codes_are_not_found_in_other_numbers() -> None:
    assert replies.enhanced("version 15.1.1 of 10.5.1.1") is None
    assert replies.enhanced("550-5.1.1 gone") == (5, 1, 1)
