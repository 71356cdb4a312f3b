"""The call to the network, and what came back as an outcome the engine understands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import DatabaseError

from accounts.enums import ACTS, ActionKind
from automation.channels import base
from automation.channels.base import (
    Act,
    AuthFailed,
    Channel,
    Done,
    Image,
    NotCalled,
    NotFound,
    Refused,
    TryLater,
    Unknown,
)
from automation.engine import failpoints
from automation.engine.shapes import Answer, Claim, Outcome
from automation.enums import Reason
from automation.models import PostImage

log = structlog.get_logger(__name__)


def act_of(claim: Claim, *, started_at: datetime | None = None) -> Act:
    """The channel's view of a claim."""
    payload = claim.payload
    return Act(
        kind=claim.kind,
        send_id=claim.send_id,
        handle=claim.handle or payload.get("handle", ""),
        remote_id=claim.remote_id,
        post_id=payload.get("post_id", ""),
        text=payload.get("text", ""),
        subject=payload.get("subject", ""),
        link=payload.get("link", ""),
        started_at=started_at,
        # What an act looked like is not needed to find out whether it took place.
        images=_images(payload.get("images", [])) if started_at is None else (),
        content_warning=payload.get("content_warning", ""),
        visibility=payload.get("visibility", ""),
    )


def _images(keys: Sequence[int]) -> tuple[Image, ...]:
    """The pictures of a post in its order; :class:`Refused` when one is gone.

    Failing to read them is no unclear outcome: nothing was called yet.
    """
    if not keys:
        return ()
    try:
        found = PostImage.objects.in_bulk(keys)
    except DatabaseError as error:
        raise TryLater(f"The post's pictures could not be read ({type(error).__name__}).") from error
    if len(found) != len(keys):
        raise Refused("A picture of this post was removed.")
    images = (found[key] for key in keys)
    return tuple(Image(bytes(one.content), one.mime, one.alt, one.width, one.height) for one in images)


CALLS: dict[str, Callable[[Channel, Act, dict[str, Any]], Any]] = {
    ActionKind.FOLLOW: lambda channel, act, _: channel.follow(act),
    ActionKind.UNFOLLOW: lambda channel, act, _: channel.unfollow(act),
    ActionKind.LIKE: lambda channel, act, _: channel.like(act),
    ActionKind.POST: lambda channel, act, _: channel.publish(act),
    ActionKind.REPLY: lambda channel, act, _: channel.reply(act),
    ActionKind.DM: lambda channel, act, _: channel.message(act),
    ActionKind.EMAIL: lambda channel, act, _: channel.message(act),
    ActionKind.VERIFY: lambda channel, act, _: channel.verify(),
    ActionKind.FETCH_PROFILE: lambda channel, act, _: channel.profile(act.handle, act.remote_id),
    ActionKind.FETCH_SEARCH: lambda channel, act, data: channel.search(data["query"], data.get("cursor", "")),
    ActionKind.FETCH_RELATED: lambda channel, act, data: channel.related(
        act.handle, act.remote_id, data.get("cursor", "")
    ),
    ActionKind.FETCH_COMMENTERS: lambda channel, act, data: channel.commenters(
        act.handle, act.remote_id, data.get("cursor", ""), over=data.get("over", 0)
    ),
    ActionKind.FETCH_METRICS: lambda channel, act, data: channel.metrics(data["post_ids"]),
    ActionKind.FETCH_INBOX: lambda channel, act, data: channel.inbox(data.get("since", "")),
    ActionKind.SET_LABELS: lambda channel, act, data: base.set_labels(channel, data),
}


def perform(channel: Channel, claim: Claim) -> Outcome:
    """Call the network once for a started attempt. Never raises: whatever happens is an outcome."""
    if claim.kind not in channel.capabilities:
        return Outcome(
            claim, Answer.REFUSED, reason=Reason.UNSUPPORTED, error=f"{channel.network} cannot {claim.kind}."
        )
    try:
        failpoints.reach("in_call")
        result = CALLS[claim.kind](channel, act_of(claim), claim.payload)
        failpoints.reach("after_answer")
    except Exception as error:  # noqa: BLE001 - a driver's bug must not take the lane down; it is logged and told apart below
        return failure(claim, error)
    return Outcome(claim, Answer.DONE, result=result if result is not None else Done())


def failure(claim: Claim, error: Exception) -> Outcome:
    """What an exception means. One that no channel should raise counts as unclear for acts: it may have happened."""
    text = f"{error}"[:1000]
    match error:
        case AuthFailed() if claim.kind == ActionKind.VERIFY:
            return Outcome(claim, Answer.REFUSED, reason=Reason.CREDENTIALS, error=text)
        case AuthFailed():
            return Outcome(claim, Answer.LATER, reason=Reason.CREDENTIALS, error=text)
        case NotFound():
            return Outcome(claim, Answer.REFUSED, reason=Reason.NOT_FOUND, error=text)
        case Refused():
            return Outcome(claim, Answer.REFUSED, reason=Reason.REFUSED, error=text)
        case NotCalled():
            return Outcome(
                claim,
                Answer.NOT_CALLED,
                reason=Reason.BROWSER,
                error=text,
                retry_after=error.retry_after,
            )
        case TryLater():
            reason = Reason.RATE_LIMITED if error.rate_limited else Reason.RETRY
            return Outcome(claim, Answer.LATER, reason=reason, error=text, retry_after=error.retry_after)
        case Unknown():
            return Outcome(
                claim, Answer.UNKNOWN if claim.kind in ACTS else Answer.LATER, reason=Reason.RETRY, error=text
            )
    log.exception("channel_bug", task=claim.task_id, kind=claim.kind, exc_info=error)
    text = f"{type(error).__name__}: {text}"[:1000]
    if claim.kind in ACTS:
        return Outcome(claim, Answer.UNKNOWN, error=text)
    return Outcome(claim, Answer.LATER, reason=Reason.RETRY, error=text)
