"""What providers tell of mail, as they call us: who is believed, what follows, and that it follows once."""

from __future__ import annotations

import base64
import logging
import time
from typing import Any

import pytest
from django.test import Client

from accounts.enums import ActionKind
from automation.enums import NoticeKind, Reason, TaskState
from automation.models import Conversation, Message, Task
from leads.enums import SuppressionReason
from leads.models import Profile, Suppression
from outreach.lib import clock
from tests.automation.conversations.providers import SECRETS, SHAPES, Call, post
from tests.factories import make_account, make_lane, make_profile, make_task

pytestmark = pytest.mark.django_db
PROVIDERS = sorted(SHAPES)
DAY = 86_400.0


@pytest.fixture(autouse=True)
def secrets(settings: Any) -> None:
    settings.MAIL_PROVIDERS = dict(SECRETS)


@pytest.fixture
def mail() -> Task:
    """A mail that went out through a provider."""
    return make_mail()


def make_mail(**fields: object) -> Task:
    lane = make_lane(make_account(network="email", handle="ann@ours.test", server=""))
    profile = make_profile("bob@people.test", network="email")
    state = {
        "state": TaskState.COMPLETED,
        "remote_id": "b7bc-1",
        "finished_at": clock.database_now(),
        **fields,
    }
    task = make_task(
        lane, kind=ActionKind.EMAIL, profile=profile, person=profile.person, due_at=None, **state
    )
    talk = Conversation.objects.create(account=lane.account, profile=profile, person=profile.person)
    Message.objects.create(
        conversation=talk,
        direction="out",
        kind="email",
        text="Hello",
        task=task,
        sent_at=clock.database_now(),
    )
    return task


def told_of(task: Task, event: str, **fields: object) -> Call:
    by_id = {"send_id": str(task.send_id)} if fields.pop("by_send_id", True) else {}
    return Call(event, "bob@people.test", "b7bc-1", **by_id, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("by_send_id", [True, False])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_hard_bounce_ends_everything_with_the_address(provider: str, by_send_id: bool, mail: Task) -> None:
    assert post(provider, told_of(mail, "hard", by_send_id=by_send_id, words="550 5.1.1 user unknown")) == 200
    assert Message.objects.get(direction="in").notice == NoticeKind.HARD
    assert Suppression.objects.get().reason == SuppressionReason.HARD_BOUNCE
    assert Profile.objects.get().bounced_at is not None


@pytest.mark.parametrize("provider", PROVIDERS)
def test_full_mailbox_is_noted_and_no_more(provider: str, mail: Task) -> None:
    assert post(provider, told_of(mail, "soft", words="552 5.2.2 mailbox full")) == 200
    assert Message.objects.get(direction="in").notice == NoticeKind.SOFT
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_complaint_told_ten_times_has_one_effect(provider: str, mail: Task) -> None:
    call = told_of(mail, "complaint", at=time.time() - 60)
    assert [post(provider, call) for _ in range(10)] == [200] * 10
    assert [one.reason for one in Suppression.objects.all()] == [SuppressionReason.COMPLAINT]
    assert [one.notice for one in Message.objects.filter(direction="in")] == [NoticeKind.COMPLAINT]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_delivered_proves_a_mail_that_was_unclear(provider: str) -> None:
    task = make_mail(state=TaskState.UNKNOWN, reason=Reason.PARKED, remote_id="", finished_at=None)
    assert post(provider, told_of(task, "delivered")) == 200
    task.refresh_from_db()
    assert (task.state, task.remote_id) == (TaskState.COMPLETED, "b7bc-1")
    assert not Message.objects.filter(direction="in").exists()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_opening_a_mail_changes_nothing(provider: str, mail: Task) -> None:
    assert post(provider, told_of(mail, "opened")) == 200
    assert Message.objects.count() == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_wrong_secret_is_refused(provider: str, mail: Task) -> None:
    secret = "whsec_bm90IHRoaXM=" if provider == "resend" else "outreach:guessed"
    assert post(provider, told_of(mail, "hard"), secret=secret) == 403
    assert not Message.objects.filter(direction="in").exists()
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_old_call_is_refused(provider: str, mail: Task) -> None:
    """Recorded and played again two days later, as it was signed."""
    long_ago = time.time() - 2 * DAY
    assert post(provider, told_of(mail, "hard", at=long_ago), at=long_ago) == 400
    assert not Suppression.objects.exists()


def test_a_signature_serves_one_call_only(mail: Task) -> None:
    """Mailgun signs a number and not what it says: whoever saw one call could say anything with it."""
    assert post("mailgun", told_of(mail, "delivered")) == 200
    assert post("mailgun", told_of(mail, "complaint")) == 200
    assert not Suppression.objects.exists()
    assert post("mailgun", told_of(mail, "complaint", number="another")) == 200
    assert Suppression.objects.get().reason == SuppressionReason.COMPLAINT


def test_a_call_signed_an_hour_ago_is_refused_where_each_is_signed_anew(mail: Task) -> None:
    assert post("resend", told_of(mail, "hard"), at=time.time() - 3600) == 400
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("body", ["", "{", "[]", "7", "null", "[" * 100_000])
def test_nonsense_is_a_4xx_and_nothing_happens(provider: str, body: str, mail: Task) -> None:
    answer = Client().post(
        f"/hooks/mail/{provider}", body, "application/json", headers=_proof(provider, body)
    )
    assert answer.status_code in (400, 403)


def _proof(provider: str, body: str) -> dict[str, str]:
    """Headers that prove a call whose body is odd, where headers prove it."""
    if provider in ("brevo", "postmark"):
        return SHAPES[provider](Call("hard", "", ""), SECRETS[provider], time.time())[1]
    return {}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_about_no_mail_of_ours_is_left_out(provider: str) -> None:
    assert post(provider, Call("hard", "stranger@people.test", "other")) == 200
    assert not Message.objects.exists()
    assert not Suppression.objects.exists()


def test_a_provider_without_a_secret_is_not_there(settings: Any, mail: Task) -> None:
    settings.MAIL_PROVIDERS = {**SECRETS, "postmark": ""}
    assert post("postmark", told_of(mail, "hard"), secret=":") == 404
    assert Client().post("/hooks/mail/nobody", "{}", "application/json").status_code == 404


def test_only_head_and_post_are_answered() -> None:
    assert Client().head("/hooks/mail/postmark").status_code == 200
    assert Client().get("/hooks/mail/postmark").status_code == 405


@pytest.mark.parametrize("provider", PROVIDERS)
def test_secret_of_a_call_is_in_no_log_line(
    provider: str, mail: Task, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {"mailgun": "canary-key", "resend": "whsec_Y2FuYXJ5LWtleQ=="}.get(provider, "outreach:canary-key")
    with caplog.at_level(logging.DEBUG):
        assert post(provider, told_of(mail, "hard"), secret=wrong) == 403
        assert post(provider, told_of(mail, "hard")) == 200
    lines = f"{[record.__dict__ for record in caplog.records]}"
    assert f"/hooks/mail/{provider}" in lines
    parts = {part for secret in (wrong, SECRETS[provider]) for part in (secret, secret.rpartition(":")[2])}
    coded = {base64.b64encode(secret.encode()).decode() for secret in (wrong, SECRETS[provider])}
    assert [secret for secret in parts | coded if secret in lines] == []
