"""Posts from draft to published, and their figures."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.base import Done, PostMetrics
from automation.content import services as content
from automation.engine import outcomes, tasks
from automation.enums import PostStatus, PublicationState, Reason, TaskState
from automation.models import Measurement, Post, Publication, Task
from tests.factories import make_account, make_lane

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    account = make_account()
    make_lane(account)
    return account


@pytest.fixture
def post(account: Account) -> Post:
    return content.create_post(text="A post", by=None, accounts=[account])


@pytest.fixture
def published(post: Post, account: Account) -> Publication:
    content.approve(post=post, by=None)
    publication = content.schedule(post=post, account=account, by=None)
    assert publication.task is not None
    finish(publication.task)
    content.record_published(publication.task, Done("p1", "https://example.org/p1"))
    publication.refresh_from_db()
    return publication


def finish(task: Task, state: str = TaskState.COMPLETED, **fields: str) -> Task:
    Task.objects.filter(pk=task.pk).update(state=state, finished_at=timezone.now(), due_at=None, **fields)
    return Task.objects.get(pk=task.pk)


def readings() -> list[Task]:
    return list(Task.objects.pending().filter(kind=ActionKind.FETCH_METRICS))


def state(publication: Publication) -> str:
    publication.refresh_from_db()
    return publication.state


# --- Approval ----------------------------------------------------------------------------------------------
def test_a_draft_publishes_nothing_and_needs_text_and_a_network_that_posts(post: Post) -> None:
    assert (post.status, state(post.publications.get())) == (PostStatus.DRAFT, PublicationState.DRAFT)
    assert not Task.objects.exists()
    with pytest.raises(ValidationError):
        content.create_post(text="  ", by=None)
    with pytest.raises(ValidationError, match="cannot publish"):
        content.create_post(text="x", by=None, accounts=[make_account(network="email", handle="a@b.cd")])


def test_only_an_approved_post_is_scheduled_and_publications_follow_its_status(
    post: Post, account: Account
) -> None:
    with pytest.raises(ValidationError, match="Approve it first"):
        content.schedule(post=post, account=account, by=None)
    content.submit(post=post, by=None)
    assert state(post.publications.get()) == PublicationState.PENDING_REVIEW
    with pytest.raises(ValidationError, match="pending review cannot be submitted"):
        content.submit(post=post, by=None)
    grace = User.objects.create(username="grace")
    content.approve(post=post, by=grace)
    assert (post.status, post.approved_by, bool(post.approved_at)) == (PostStatus.APPROVED, grace, True)
    assert state(post.publications.get()) == PublicationState.APPROVED


def test_an_approved_post_is_not_changed(post: Post) -> None:
    content.update_post(post=post, by=None, text="Better", topic="coffee")
    content.approve(post=post, by=None)
    with pytest.raises(ValidationError, match="Reject it first"):
        content.update_post(post=post, by=None, text="Sneaky")
    content.reject(post=post, by=None, reason="Typo")
    assert post.publications.get().detail == "Typo"
    assert content.update_post(post=post, by=None, text="Best").text == "Best"
    with pytest.raises(ValidationError, match="no colour"):
        content.update_post(post=post, by=None, colour="red")


# --- Scheduling --------------------------------------------------------------------------------------------
def test_a_post_is_scheduled_once_on_an_account(post: Post, account: Account) -> None:
    content.approve(post=post, by=None)
    tomorrow = timezone.now() + timedelta(days=1)
    publication = content.schedule(post=post, account=account, by=None, at=tomorrow)
    assert publication.task is not None
    assert (publication.task.due_at, publication.task.payload["text"]) == (tomorrow, "A post")
    with pytest.raises(ValidationError, match=r"scheduled on .* already"):
        content.schedule(post=post, account=account, by=None)
    assert Task.objects.count() == 1
    content.schedule(post=post, account=account_with_lane(), by=None)
    assert Publication.objects.count() == 2


def account_with_lane() -> Account:
    account = make_account()
    make_lane(account)
    return account


def test_unscheduling_takes_it_back_and_it_can_be_scheduled_again(post: Post, account: Account) -> None:
    content.approve(post=post, by=None)
    publication = content.schedule(post=post, account=account, by=None)
    first = publication.task
    content.unschedule(publication=publication, by=None)
    publication.refresh_from_db()
    assert (publication.state, publication.task, publication.detail) == (PublicationState.APPROVED, None, "")
    assert Task.objects.get().state == TaskState.CANCELLED
    again = content.schedule(post=post, account=account, by=None)
    assert again.task != first
    assert again.task is not None
    assert again.task.state == TaskState.PENDING


def test_what_is_on_its_way_is_neither_unscheduled_nor_half_rejected(post: Post, account: Account) -> None:
    content.approve(post=post, by=None)
    waiting = content.schedule(post=post, account=account_with_lane(), by=None)
    under_way = content.schedule(post=post, account=account, by=None)
    assert under_way.task is not None
    Task.objects.filter(pk=under_way.task.pk).update(state=TaskState.RUNNING)
    with pytest.raises(ValidationError, match="on its way"):
        content.unschedule(publication=under_way, by=None)
    with pytest.raises(ValidationError, match="on its way"):
        content.reject(post=post, by=None)
    assert (state(waiting), state(under_way)) == (PublicationState.SCHEDULED, PublicationState.SCHEDULED)
    assert Task.objects.pending().count() == 1


def test_rejecting_unschedules_what_has_not_gone_out(post: Post, account: Account) -> None:
    content.approve(post=post, by=None)
    publication = content.schedule(post=post, account=account, by=None)
    content.reject(post=post, by=None, reason="Not now")
    assert (post.status, state(publication)) == (PostStatus.DRAFT, PublicationState.DRAFT)
    assert not Task.objects.pending().exists()


def test_a_task_cancelled_in_the_ledger_shows_on_its_publication_which_can_be_scheduled_again(
    post: Post, account: Account
) -> None:
    content.approve(post=post, by=None)
    publication = content.schedule(post=post, account=account, by=None)
    assert publication.task is not None
    tasks.cancel([publication.task.pk], reason=Reason.BY_HAND, by="test")
    assert state(publication) == PublicationState.FAILED
    content.schedule(post=post, account=account, by=None)
    assert state(publication) == PublicationState.SCHEDULED


# --- Publishing --------------------------------------------------------------------------------------------
def test_a_published_post_says_where_and_is_measured(published: Publication) -> None:
    assert (published.state, published.remote_id, published.url) == (
        PublicationState.PUBLISHED, "p1", "https://example.org/p1",
    )  # fmt: skip
    (reading,) = readings()
    assert reading.due_at == published.metrics_due_at
    with pytest.raises(ValidationError, match=r"published on .* already"):
        content.schedule(post=published.post, account=published.account, by=None)


def test_a_post_nobody_can_prove_is_unknown_until_a_person_decides(post: Post, account: Account) -> None:
    content.approve(post=post, by=None)
    publication = content.schedule(post=post, account=account, by=None)
    assert publication.task is not None
    outcomes.park(publication.task, detail="No proof.")
    assert (state(publication), publication.detail) == (
        PublicationState.UNKNOWN, "Unclear outcome without proof: a person decides: No proof.",
    )  # fmt: skip
    with pytest.raises(ValidationError, match="unknown on"):
        content.schedule(post=post, account=account, by=None)
    outcomes.decide(publication.task, took_place=True, by="Grace")
    assert state(publication) == PublicationState.PUBLISHED


# --- Figures -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("age", "seconds"),
    [(0, 1200), (23.9 / 24, 1200), (1, 7200), (6.9, 7200), (7, 86400), (400, 86400)],
)
def test_older_posts_are_measured_less_often(age: float, seconds: float) -> None:
    assert content.interval(timedelta(days=age)) == seconds


def test_figures_are_kept_with_their_history_and_read_again(published: Publication) -> None:
    (reading,) = readings()
    content.record_metrics(finish(reading), [PostMetrics("p1", likes=3, reposts=2, replies=1, views=None)])
    published.refresh_from_db()
    assert (published.likes, published.reposts, published.replies, published.views) == (3, 2, 1, None)
    assert Measurement.objects.get(publication=published).likes == 3
    (following,) = readings()
    assert following.pk != reading.pk


def test_reading_by_hand_starts_no_second_chain_of_readings(published: Publication) -> None:
    (planned,) = readings()
    content.measure_now(publication=published, by=None)
    by_hand = next(task for task in readings() if task != planned)
    content.record_metrics(finish(by_hand), [PostMetrics("p1", likes=1)])
    assert readings() == [planned]


def test_a_reading_that_failed_for_good_is_tried_again_the_next_day(published: Publication) -> None:
    (reading,) = readings()
    content.measure_again(finish(reading, TaskState.FAILED, reason=Reason.EXHAUSTED))
    (following,) = readings()
    assert following.due_at > timezone.now() + timedelta(hours=23)


@pytest.mark.parametrize("found", [[], [PostMetrics("p1", gone=True)], [PostMetrics("other", likes=9)]])
def test_a_post_that_is_gone_is_measured_no_more(published: Publication, found: list[PostMetrics]) -> None:
    (reading,) = readings()
    content.record_metrics(finish(reading), found)
    published.refresh_from_db()
    assert (published.metrics_due_at, published.detail) == (None, "It is gone from the network.")
    assert readings() == []
    assert not Measurement.objects.exists()


def test_only_a_published_post_is_measured(post: Post) -> None:
    with pytest.raises(ValidationError, match="Only a published post"):
        content.measure_now(publication=post.publications.get(), by=None)
