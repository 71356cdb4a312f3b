"""What every channel speaks: dataclasses in, dataclasses out, and five ways to fail.

A channel talks to one network for one account and never touches the database. It reports what happened; what follows
(retry, park, pause) is the engine's business. The rule that everything hangs on: an exception other than
:class:`Unknown` promises that the act did **not** take place. When in doubt, raise :class:`Unknown`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, cast
from uuid import UUID


class ChannelError(Exception):
    """Something the network said, or failed to say. The message is shown to people and holds no secret."""


class Refused(ChannelError):
    """The network refused this act for good (content, rights, blocked); trying again is useless."""


class AuthFailed(ChannelError):
    """The network refused our credentials; nothing of this account can run until a person reconnects it."""


class NotFound(ChannelError):
    """The target no longer exists on the network."""


class TryLater(ChannelError):
    """Not done, may work later: rate limit, 5xx before the act, connection refused.

    ``retry_after`` is in seconds; ``None`` leaves the delay to the engine's backoff. ``rate_limited`` tells a
    network's "slow down" (no breaker, lane waits) from a failure (counts towards the breaker).
    """

    def __init__(self, message: str, *, retry_after: float | None = None, rate_limited: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.rate_limited = rate_limited


class NotCalled(TryLater):
    """The network was not asked at all: what the call needs on our own side, a browser, is not to be had right now.

    Nothing is wrong with the act, the account or the network, so it costs the act no try and the account no unit; acts of
    this kind wait ``retry_after`` seconds.
    """


class Unknown(ChannelError):
    """The request left and no trustworthy answer came: the act may or may not have taken place."""


Secret = dict[str, Any]
# Gives the secret to go on with, called with the one that no longer serves and with what gets a new one from the network.
Renew = Callable[[Secret, Callable[[Secret], Secret]], Secret]


def renew_in_memory(stale: Secret, make: Callable[[Secret], Secret]) -> Secret:
    """Renewal for a login that is kept nowhere: in a trial or an audit."""
    return make(stale)


@dataclass(frozen=True, slots=True)
class Login:
    """Everything a channel needs to act as one account. ``secret`` never appears in its repr, so never in a log.

    A channel whose tokens expire calls ``renew(stale, make)``: of all workers that ask at once, one runs
    ``make(stored)``, what it returns is stored before anybody goes on, and the others get it without asking the network.
    ``make`` may take a few seconds and may raise a channel's error, which changes nothing.

    ``proxy`` is the address of the account's own proxy, empty for none (:func:`outreach.lib.net.proxies.parse`): every
    connection of the account goes through it and none around it.
    """

    account_id: int
    handle: str
    server: str = ""
    remote_id: str = ""
    secret: Secret = field(default_factory=dict, repr=False)
    renew: Renew = field(default=renew_in_memory, repr=False, compare=False)
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """Who the network says we are. ``longest_post`` is what its server takes, where servers of the network differ."""

    handle: str
    remote_id: str
    display_name: str = ""
    longest_post: int | None = None


@dataclass(frozen=True, slots=True)
class PostInfo:
    """One public post of somebody."""

    remote_id: str
    text: str
    url: str = ""
    created_at: datetime | None = None
    language: str = ""
    replies: int = 0
    likes: int | None = None  # where the network tells


@dataclass(frozen=True, slots=True)
class ProfileInfo:
    """One profile as the network shows it; counts are ``None`` where the network does not tell.

    Lists (search, related, commenters) may leave everything but ``handle`` and ``remote_id`` empty.
    """

    handle: str
    remote_id: str
    display_name: str = ""
    bio: str = ""
    url: str = ""
    language: str = ""
    location: str = ""  # in their own words
    website: str = ""
    avatar_url: str = ""
    followers_count: int | None = None
    following_count: int | None = None
    posts_count: int | None = None
    posts: tuple[PostInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of profiles and the cursor of the next; an empty cursor means this was the last."""

    profiles: tuple[ProfileInfo, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture to publish: ``content`` is a JPEG or PNG, ``alt`` says in words what it shows, the size is in pixels."""

    content: bytes = field(repr=False)
    mime: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Act:
    """One act to perform.

    ``send_id`` is the same in every attempt: it is the idempotency key, or the seed of a deterministic record key, or
    whatever else the network lets us find the act by. ``handle`` and ``remote_id`` name the profile acted upon,
    ``post_id`` the post replied to or liked. ``started_at`` is when the first attempt began to call (reconciling).
    """

    kind: str
    send_id: UUID
    handle: str = ""
    remote_id: str = ""
    post_id: str = ""
    text: str = ""
    subject: str = ""
    link: str = ""
    started_at: datetime | None = None
    images: tuple[Image, ...] = ()
    content_warning: str = ""
    visibility: str = ""  # one of the network's; empty: the account's own default


@dataclass(frozen=True, slots=True)
class Done:
    """The act took place. ``remote_id`` finds it again, ``url`` shows it to a person."""

    remote_id: str = ""
    url: str = ""


class Proof(Enum):
    """What the network says about an unclear act."""

    PRESENT = "present"  # it took place
    ABSENT = "absent"  # it did not: the authoritative store says so
    NONE = "none"  # nobody can tell


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to "did this act take place?"."""

    proof: Proof
    done: Done = Done()


@dataclass(frozen=True, slots=True)
class PostMetrics:
    """A post's figures now; ``views`` is ``None`` where the network does not count them. ``gone`` means deleted."""

    remote_id: str
    likes: int = 0
    reposts: int = 0
    replies: int = 0
    views: int | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What a mail system tells of a mail of ours.

    ``kind`` is ``hard``, ``soft``, ``blocked``, ``expired``, ``delayed`` or ``complaint``; ``address`` whom it went to,
    as the report says; ``status`` the enhanced status code (RFC 3463); ``detail`` its words.
    """

    kind: str
    address: str = ""
    status: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message somebody wrote to us. ``kind`` is ``dm``, ``comment`` or ``email``.

    ``automatic`` is true only when the network or its headers say a machine wrote it. ``references`` are the messages
    it answers or is about, by their remote ids, nearest first. With a ``notice`` it is a mail system's report.
    """

    remote_id: str
    kind: str
    handle: str
    text: str
    sent_at: datetime
    sender_id: str = ""
    sender_name: str = ""
    post_id: str = ""
    automatic: bool = False
    subject: str = ""
    references: tuple[str, ...] = ()
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """New messages, oldest first, and where to go on from; ``more`` asks to be called again at once.

    ``labels`` are those of recent messages by their remote ids, old and new ones, as the account keeps them at its network;
    ``None`` where it keeps none, or was not asked.
    """

    messages: tuple[Inbound, ...]
    cursor: str
    more: bool = False
    labels: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Labelling:
    """Labels to put on messages of ours, named by their remote ids, and labels to take away; either way at most once."""

    messages: tuple[str, ...]
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class Channel(Protocol):
    """A network's driver for one account. Every method may raise the errors above; none takes over ``deadline`` seconds.

    ``commenters`` are those of posts with more than ``over`` comments.
    """

    network: str
    capabilities: frozenset[str]  # the ActionKind values it can do
    proves: bool  # whether reconcile() can always answer PRESENT or ABSENT, so that acts may start in batches
    deadline: float  # seconds after which no call is still under way
    lag: float  # seconds after the deadline until the network's own store is settled

    def verify(self) -> AccountInfo: ...
    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo: ...
    def search(self, query: str, cursor: str = "") -> Page: ...
    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page: ...
    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page: ...
    def publish(self, act: Act) -> Done: ...
    def reply(self, act: Act) -> Done: ...
    def message(self, act: Act) -> Done: ...
    def follow(self, act: Act) -> Done: ...
    def unfollow(self, act: Act) -> Done: ...
    def like(self, act: Act) -> Done: ...
    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]: ...
    def inbox(self, since: str) -> InboxPage: ...
    def reconcile(self, act: Act) -> Finding: ...
    def close(self) -> None: ...


class KeepsLabels(Channel, Protocol):
    """A channel whose account keeps labels on what came in."""

    def set_labels(self, wanted: Labelling) -> None: ...


def set_labels(channel: Channel, given: Mapping[str, Any]) -> None:
    """Have a channel that can do so set the labels that a task's payload names."""
    messages, add, remove = (tuple(given.get(name, ())) for name in ("messages", "add", "remove"))
    cast(KeepsLabels, channel).set_labels(Labelling(messages, add, remove))
