"""The link in every mailing: one click is a no, looking is none, and it works for good."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Account
from automation.enums import EnrolmentState
from leads import unsubscribing
from leads.enums import SuppressionReason
from leads.models import Suppression
from leads.services import add_profile
from tests.automation.conversations.mailing import people, start_campaign
from tests.channels.email.world import MailWorld

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_click_ten_times_is_one_no(world: MailWorld, mailbox: Account) -> None:
    [bob] = people(1)
    campaign = start_campaign(mailbox, [bob])
    head = world.smtp.taken[-1].content.partition(b"\r\n\r\n")[0].decode()
    link = head.partition("List-Unsubscribe: <")[2].partition(">")[0]
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head

    client = Client(enforce_csrf_checks=True)
    path = link.removeprefix("http://127.0.0.1:8000")
    page = client.get(path)
    assert (page.status_code, b"<button" in page.content, Suppression.objects.count()) == (200, True, 0)
    for _ in range(10):
        answer = Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.cookies) == (200, {})
    assert Suppression.objects.get().reason == SuppressionReason.OPT_OUT
    assert campaign.enrolments.get().state == EnrolmentState.OPTED_OUT


def test_a_forged_link_is_nobodys(client: Client) -> None:
    [bob, eve] = people(2)
    mine = unsubscribing.link_for(bob).rpartition("/")[2]
    for token in (
        mine[:-1] + ("a" if mine[-1] != "a" else "b"),
        mine.replace(f"-{bob.pk}-", f"-{eve.pk}-"),
        "x",
        "a-1-b.c",
    ):
        assert client.post(f"/goodbye/{token}").status_code == 404
    assert not Suppression.objects.exists()


def test_a_link_outlives_the_person(client: Client) -> None:
    [bob] = people(1)
    path = "/goodbye/" + unsubscribing.link_for(bob).rpartition("/")[2]
    handle = bob.handle
    bob.person.delete()
    assert client.post(path).status_code == 200
    assert client.post(path).status_code == 200
    assert Suppression.objects.get().address == ""
    again, _ = add_profile(network="email", handle=handle)
    assert again.person.suppressed_at is not None
