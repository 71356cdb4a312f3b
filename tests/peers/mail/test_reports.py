"""What Postfix reports of mails that did not arrive, or did, as the driver reads it."""

from __future__ import annotations

import smtplib
import ssl
from collections import defaultdict

import pytest

from automation.channels.base import Inbound
from automation.channels.email.channel import connect
from tests.channels.contract import read_inbox
from tests.channels.email.conftest import mail
from tests.peers.mail.configuration import GIVEN_UP_SECONDS
from tests.peers.mail.server import HERE, Postoffice

pytestmark = pytest.mark.peers
SENDER = "reporter@ours.test"
KINDS = {
    "nobody@people.test": [("hard", "5.1.1")],
    "stuffed@people.test": [("soft", "5.2.2")],
    "group@blocked.test": [("blocked", "5.7.1")],
    "bob@down.test": [("delayed", "4.4.1"), ("expired", "4.4.1")],
    "bob@nosuch.test": [("hard", "5.4.4")],
    "gone@remote.test": [("hard", "5.1.1")],
    "policed@remote.test": [("blocked", "5.7.1")],
    "lapsed@remote.test": [("blocked", "5.1.8")],
}
REPLIES = {
    "gone@remote.test": "550 5.1.1 no such user",
    "policed@remote.test": "550 5.7.1 Recipient address rejected: Access denied",
    "lapsed@remote.test": "550 5.1.8 <us@ours.test>: Sender address rejected: Domain not found",
}


@pytest.fixture(scope="module")
def reports(post: Postoffice) -> dict[str, list[Inbound]]:
    """The reports that came, by the mail they are about, in the order of their arrival."""
    post.add(SENDER)
    post.add("stuffed@people.test", quota="*:storage=1B")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.TLS_CA_FILE", str(post.bundle))
        channel = connect(post.login(SENDER))
        _, cursor = read_inbox(channel)
        for recipient, reply in REPLIES.items():
            post.remote.fault("rcpt", reply, address=recipient)
        sent = {channel.message(mail(handle=recipient)).remote_id: recipient for recipient in KINDS}
        post.wait_for(SENDER, sum(map(len, KINDS.values())), seconds=GIVEN_UP_SECONDS + 20.0)
        found, _ = read_inbox(channel, cursor)
        channel.close()
    answer: dict[str, list[Inbound]] = defaultdict(list)
    for one in found:
        answer[sent[one.references[0]]].append(one)
    return answer


@pytest.mark.parametrize("recipient", KINDS)
def test_reports_say_what_became_of_a_mail(reports: dict[str, list[Inbound]], recipient: str) -> None:
    notices = [one.notice for one in reports[recipient]]
    assert [(one.kind, one.status) for one in notices if one] == KINDS[recipient]
    assert {one.address for one in notices if one} == {recipient}


def test_success_is_no_bounce(post: Postoffice, address: str, person: str) -> None:
    """Asked for, Postfix reports what it handed to servers that report nothing themselves."""
    channel = connect(post.login(address))
    _, cursor = read_inbox(channel)
    with smtplib.SMTP(HERE, post.ports.submission, timeout=10) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(post.bundle)))
        client.login(address, post.secrets[address])
        for recipient in ("carl@remote.test", person):
            client.sendmail(
                address, [recipient], "Subject: Hello\r\n\r\nHello", rcpt_options=["NOTIFY=SUCCESS"]
            )
    assert all(b"Action: relayed" in one for one in post.wait_for(address, 2))
    found, _ = read_inbox(channel, cursor)
    channel.close()
    assert [(one.automatic, one.notice) for one in found] == [(True, None)] * 2
