"""Posts from draft to published, and their figures afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels import registry
from automation.channels.base import Done, PostMetrics
from automation.content.fitting import check_fits
from automation.engine import effects, policy, tasks
from automation.engine.tasks import NewTask
from automation.enums import PostStatus, Priority, PublicationState, Reason, TaskState
from automation.models import Measurement, Post, Publication, Task
from outreach.lib import clock, events
from outreach.lib.actors import Actor, as_user

EDITABLE = (PostStatus.DRAFT, PostStatus.PENDING_REVIEW)
WAITING = (PublicationState.DRAFT, PublicationState.PENDING_REVIEW, PublicationState.APPROVED)
FIELDS = ("text", "link", "topic", "content_warning", "visibility")


@transaction.atomic
def create_post(
    *,
    text: str,
    by: Actor,
    link: str = "",
    topic: str = "",
    content_warning: str = "",
    visibility: str = "",
    accounts: Iterable[Account] = (),
) -> Post:
    """Write a draft, with a publication for each account it is meant for. Publishes nothing."""
    post = Post(
        text=text.strip(), link=link, topic=topic, content_warning=content_warning.strip(), visibility=visibility,
        created_by=as_user(by),
    )  # fmt: skip
    post.full_clean()
    post.save()
    for account in accounts:
        _check_can_publish(account)
        Publication.objects.create(post=post, account=account)
    events.emit("post.created", model="automation.post", ids=[post.pk], by=by)
    return post


def _check_can_publish(account: Account) -> None:
    if ActionKind.POST not in registry.capabilities(account.network):
        raise ValidationError({"accounts": f"{account.network} cannot publish posts."})


@transaction.atomic
def update_post(*, post: Post, by: Actor, **fields: str) -> Post:
    """Change a post nobody has approved yet; raises :class:`ValidationError` afterwards, or for unknown fields."""
    locked = Post.objects.select_for_update().get(pk=post.pk)
    if locked.status not in EDITABLE:
        raise ValidationError("An approved post cannot be changed. Reject it first.")
    if unknown := sorted(set(fields) - set(FIELDS)):
        raise ValidationError(f"A post has no {', '.join(unknown)}.")
    for name, value in fields.items():
        setattr(locked, name, value)
    locked.full_clean()
    locked.save(update_fields=list(fields))
    events.emit("post.changed", model="automation.post", ids=[post.pk], by=by)
    return locked


def submit(*, post: Post, by: Actor) -> None:
    """Ask for approval."""
    _move(post, (PostStatus.DRAFT,), PostStatus.PENDING_REVIEW, by, "submitted")


def approve(*, post: Post, by: Actor) -> None:
    """A person answers for it: from now on it may be scheduled."""
    who = as_user(by)
    _move(post, EDITABLE, PostStatus.APPROVED, by, "approved", approved_by=who, approved_at=Now())


@transaction.atomic
def reject(*, post: Post, by: Actor, reason: str = "") -> None:
    """Back to draft; what was scheduled of it and has not gone out is unscheduled."""
    for publication in post.publications.filter(state=PublicationState.SCHEDULED):
        unschedule(publication=publication, by=by)
    _move(post, tuple(PostStatus), PostStatus.DRAFT, by, "rejected", approved_by=None, approved_at=None)
    post.publications.filter(state__in=WAITING).update(detail=reason[:500])


@transaction.atomic
def _move(post: Post, come_from: Sequence[str], status: str, by: Actor, deed: str, **fields: Any) -> None:
    locked = Post.objects.select_for_update().get(pk=post.pk)
    if locked.status not in come_from:
        raise ValidationError(f"A post that is {locked.get_status_display().lower()} cannot be {deed}.")
    Post.objects.filter(pk=post.pk).update(status=status, **fields)
    post.publications.filter(state__in=WAITING).update(state=status)
    events.emit(f"post.{deed}", model="automation.post", ids=[post.pk], by=by)
    post.refresh_from_db()


@transaction.atomic
def schedule(*, post: Post, account: Account, by: Actor, at: datetime | None = None) -> Publication:
    """Publish an approved post on the account, now or at a time; once per post and account, however often asked.

    Raises :class:`ValidationError` unless the account's network takes it as it is.
    """
    locked = Post.objects.select_for_update().get(pk=post.pk)
    if locked.status != PostStatus.APPROVED:
        raise ValidationError("Only an approved post can be scheduled. Approve it first.")
    _check_can_publish(account)
    check_fits(locked, account.network, longest=account.longest_post)
    publication, _ = Publication.objects.select_for_update().get_or_create(post=locked, account=account)
    if publication.state in (PublicationState.PUBLISHED, PublicationState.UNKNOWN):
        raise ValidationError(f"It is {publication.get_state_display().lower()} on {account} already.")
    if publication.task_id and publication.state == PublicationState.SCHEDULED:
        raise ValidationError(f"It is scheduled on {account} already. Unschedule it first.")
    now = clock.database_now()
    due_at = at or now
    publication.task = tasks.add(
        NewTask(
            account_id=account.pk, kind=ActionKind.POST, priority=Priority.CRITICAL, due_at=due_at,
            dedupe_key=f"publication:{publication.pk}:{now.timestamp():.6f}",
            payload=_payload(locked, publication),
        )
    )  # fmt: skip
    publication.state, publication.scheduled_at = PublicationState.SCHEDULED, due_at
    publication.save(update_fields=["task", "state", "scheduled_at"])
    events.emit("publication.scheduled", model="automation.publication", ids=[publication.pk], by=by)
    return publication


def _payload(post: Post, publication: Publication) -> dict[str, Any]:
    """What the act says; pictures by their keys, which an approved post keeps."""
    said: dict[str, Any] = {
        name: getattr(post, name) for name in ("text", "link", "content_warning", "visibility")
    }
    images = list(post.images.order_by("position").values_list("pk", flat=True))
    return {name: value for name, value in said.items() if value or name in ("text", "link")} | {
        "publication": publication.pk, **({"images": images} if images else {}),
    }  # fmt: skip


@transaction.atomic
def unschedule(*, publication: Publication, by: Actor) -> None:
    """Take a scheduled publication back, unless it is on its way already."""
    locked = Publication.objects.select_for_update().get(pk=publication.pk)
    if locked.state != PublicationState.SCHEDULED or locked.task_id is None:
        raise ValidationError("It is not scheduled.")
    if not tasks.cancel([locked.task_id], reason=Reason.BY_HAND, by=by):
        raise ValidationError("It is on its way already.")
    Publication.objects.filter(pk=locked.pk).update(
        state=PublicationState.APPROVED, scheduled_at=None, task=None, detail=""
    )
    events.emit("publication.unscheduled", model="automation.publication", ids=[locked.pk], by=by)


@effects.on_completed(ActionKind.POST)
def record_published(task: Task, result: Any) -> None:
    """A post is out: its publication says where, and its figures are read from now on."""
    done = result if isinstance(result, Done) else Done()
    changed = Publication.objects.filter(task=task).update(
        state=PublicationState.PUBLISHED,
        published_at=Now(),
        remote_id=done.remote_id,
        url=done.url,
        detail="",
    )
    if changed and done.remote_id:
        _measure(Publication.objects.get(task=task), after=policy.seconds("first_metrics"))
        events.emit(
            "publication.published", model="automation.publication", ids=[task.payload.get("publication", 0)]
        )


@effects.on_ended(ActionKind.POST)
def record_unpublished(task: Task) -> None:
    """A post did not go out, or nobody knows: its publication says so and why."""
    state = PublicationState.UNKNOWN if task.state == TaskState.UNKNOWN else PublicationState.FAILED
    Publication.objects.filter(task=task).exclude(state=PublicationState.APPROVED).update(
        state=state, detail=f"{task.get_reason_display()}: {task.detail}"[:500]
    )


def _measure(publication: Publication, *, after: float) -> None:
    """Have the figures read ``after`` seconds from now."""
    due_at = clock.database_now() + timedelta(seconds=after)
    Publication.objects.filter(pk=publication.pk).update(metrics_due_at=due_at)
    tasks.add(
        NewTask(
            account_id=publication.account_id, kind=ActionKind.FETCH_METRICS, priority=Priority.HIGH, due_at=due_at,
            dedupe_key=f"metrics:{publication.pk}:{due_at.timestamp():.3f}",
            payload={"post_ids": [publication.remote_id], "publication": publication.pk},
        )
    )  # fmt: skip


def measure_now(*, publication: Publication, by: Actor) -> None:
    """Have the figures of a published post read at once; raises :class:`ValidationError` before it is out."""
    if publication.state != PublicationState.PUBLISHED or not publication.remote_id:
        raise ValidationError("Only a published post has figures.")
    _measure(publication, after=0.0)
    events.emit("publication.measure_asked", model="automation.publication", ids=[publication.pk], by=by)


def interval(age: timedelta) -> float:
    """Seconds until a post of this age is measured again: 20 minutes under a day, 2 hours under a week, then daily."""
    if age < timedelta(days=1):
        return 20 * 60.0
    return 2 * 3600.0 if age < timedelta(days=7) else 24 * 3600.0


@effects.on_completed(ActionKind.FETCH_METRICS)
def record_metrics(task: Task, result: Sequence[PostMetrics]) -> None:
    """Figures came in: kept on the publication and in its history; the next reading is written, unless the post is gone."""
    publication = Publication.objects.filter(pk=task.payload.get("publication", 0)).first()
    if publication is None:
        return
    found = next((m for m in result if m.remote_id == publication.remote_id), None)
    if found is None or found.gone:
        Publication.objects.filter(pk=publication.pk).update(
            metrics_due_at=None, detail="It is gone from the network."
        )
        return
    now = clock.database_now()
    figures = {"likes": found.likes, "reposts": found.reposts, "replies": found.replies, "views": found.views}
    Measurement.objects.create(publication=publication, at=now, **figures)
    Publication.objects.filter(pk=publication.pk).update(metrics_at=now, **figures)
    if not _is_measured(
        publication
    ):  # asked for by hand meanwhile, or twice: one chain of readings is enough
        _measure(publication, after=interval(now - (publication.published_at or now)))


def _is_measured(publication: Publication) -> bool:
    return Task.objects.pending().filter(dedupe_key__startswith=f"metrics:{publication.pk}:").exists()


@effects.on_ended(ActionKind.FETCH_METRICS)
def measure_again(task: Task) -> None:
    """A reading failed for good: the figures are read again at the next interval, so that one bad day loses nothing."""
    publication = Publication.objects.filter(
        pk=task.payload.get("publication", 0), state=PublicationState.PUBLISHED
    ).first()
    if publication is None or task.state != TaskState.FAILED or task.reason == Reason.NOT_FOUND:
        return
    if not _is_measured(publication):
        _measure(publication, after=24 * 3600.0)
