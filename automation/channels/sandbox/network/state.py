"""The network in memory: who is there, what they wrote, and what every journalled event changes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

ACT_KINDS = ("post", "reply", "dm", "follow", "unfollow", "like")
UPON_PEOPLE = frozenset({"reply", "dm", "follow", "like"})
_WORDS = re.compile(r"#?\w+")


@dataclass(slots=True)
class Event:
    """One thing that happened, as the journal keeps it.

    ``at`` is microseconds since 1970 (UTC) and never runs backwards. ``target`` is the profile or post
    acted upon, ``person`` whom it touches, ``result`` the id of what came into being, ``cause`` what a
    reaction reacts to.
    """

    seq: int
    at: int
    what: str
    by: str
    target: str = ""
    person: str = ""
    text: str = ""
    link: str = ""
    send_id: str = ""
    result: str = ""
    cause: str = ""
    automatic: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The event as plain JSON values."""
        return asdict(self)


@dataclass(slots=True)
class Post:
    """A post, or with a ``parent`` a comment on one."""

    id: str
    author: str
    text: str
    at: int
    parent: str = ""
    link: str = ""
    replies: list[str] = field(default_factory=list)
    likes: set[str] = field(default_factory=set)
    views: int = 0
    gone: bool = False


@dataclass(slots=True)
class Truth:
    """What is really the case with a synthetic person; only the control endpoints tell."""

    niche: str
    persona: str
    fit: bool
    temper: str


@dataclass(slots=True)
class Member:
    """Somebody on the network: one of our accounts, or with a ``truth`` a synthetic person.

    ``followers`` maps each to a number that grows with time, so that paging through them is stable.
    """

    id: str
    handle: str
    name: str
    bio: str
    language: str
    truth: Truth | None = None
    followers: dict[str, int] = field(default_factory=dict)
    following: dict[str, int] = field(default_factory=dict)
    posts: list[str] = field(default_factory=list)
    commenters: dict[str, None] = field(default_factory=dict)
    inbox: list[Event] = field(default_factory=list)
    opted_out_at: int | None = None
    expired: bool = False
    generation: int = 0  # how often the token was renewed
    sessions: int = 0  # how often its browser sessions were ended

    @property
    def is_account(self) -> bool:
        """Whether this is one of ours."""
        return self.truth is None


def iso(at: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC."""
    return (
        datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )


def tokens(text: str) -> Iterator[str]:
    """The searchable words of a text; a hashtag counts with and without its sign."""
    for word in _WORDS.findall(text.casefold()):
        yield word
        if word.startswith("#"):
            yield word[1:]


class State:
    """Everything the network knows. Only :meth:`apply` and the world generator change it."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.posts: dict[str, Post] = {}
        self.acts: list[Event] = []
        self.by_send_id: dict[tuple[str, str], list[Event]] = defaultdict(list)
        self.causes: set[str] = set()
        self.opt_outs_read: dict[tuple[str, str], int] = {}
        self.messaged: dict[tuple[str, str], int] = defaultdict(int)
        self.threads: dict[frozenset[str], list[Event]] = defaultdict(list)
        self.refreshes = 0
        self.account_ids: list[str] = []
        self._ids: dict[str, str] = {}
        self._index: dict[str, dict[str, None]] = defaultdict(dict)
        self._tick = 0

    # --- Looking ----------------------------------------------------------------------------------------
    def member(self, key: str) -> Member | None:
        """Somebody by id or by handle, in any case and with or without the @."""
        return self.members.get(key) or self.members.get(self._ids.get(key.lstrip("@").casefold(), ""))

    def found(self, query: str) -> list[str]:
        """Ids of the people whose bio or posts have all the words, in an order that only grows at its end."""
        wanted = [word for word in _WORDS.findall(query.casefold()) if word]
        if not wanted:
            return []
        first, *others = (self._index.get(word, {}) for word in wanted)
        return [found for found in first if all(found in other for other in others)]

    def accounts(self) -> list[Member]:
        """Our accounts, in the order they were made."""
        return [self.members[one] for one in self.account_ids]

    # --- Changing ---------------------------------------------------------------------------------------
    def add_member(self, member: Member) -> None:
        """Somebody new; people (not our accounts) can be found by the words of their bio."""
        self.members[member.id] = member
        self._ids[member.handle.casefold()] = member.id
        if member.is_account:
            self.account_ids.append(member.id)
        self._note_words(member, member.bio)

    def add_post(self, post: Post) -> None:
        """A new post, or a comment on its parent."""
        author = self.members[post.author]
        self.posts[post.id] = post
        self._note_words(author, post.text)
        if not post.parent:
            author.posts.append(post.id)
            return
        parent = self.posts[post.parent]
        parent.replies.append(post.id)
        if parent.author != author.id:
            self.members[parent.author].commenters[author.id] = None

    def commenters(self, member: Member, over: int) -> list[str]:
        """Who commented on a member's posts, the first first; with ``over``, on those with more comments than that."""
        if not over:
            return list(member.commenters)
        seen = []
        for replies in ([self.posts[key] for key in self.posts[one].replies] for one in member.posts):
            # The list may only grow at its end: whoever commented early comes in when their post has enough.
            enough = sorted(reply.at for reply in replies)[over] if len(replies) > over else None
            if enough is not None:
                seen += [(max(one.at, enough), one.author) for one in replies if one.author != member.id]
        return list(dict.fromkeys(author for _, author in sorted(seen)))

    def add_follow(self, follower: str, followed: str) -> None:
        """``follower`` follows from now on; following twice changes nothing."""
        if follower not in self.members[followed].followers:
            self._tick += 1
            self.members[followed].followers[follower] = self._tick
            self.members[follower].following[followed] = self._tick

    def apply(self, event: Event) -> None:
        """Let a journalled event take effect; the same events in the same order always make the same state."""
        getattr(self, f"_apply_{event.what}")(event)
        if event.cause:
            self.causes.add(event.cause)
        if event.what in ACT_KINDS and self.members[event.by].is_account:
            self.acts.append(event)
            if event.send_id:
                self.by_send_id[event.by, event.send_id].append(event)

    def _note_words(self, member: Member, text: str) -> None:
        if not member.is_account:
            for word in tokens(text):
                self._index[word][member.id] = None

    def _apply_post(self, event: Event) -> None:
        self.add_post(Post(event.result, event.by, event.text, event.at, link=event.link))

    def _apply_reply(self, event: Event) -> None:
        self.add_post(Post(event.result, event.by, event.text, event.at, parent=event.target))
        author = self.members[self.posts[event.target].author]
        if author.is_account and author.id != event.by:
            author.inbox.append(event)

    def _apply_dm(self, event: Event) -> None:
        self.messaged[event.by, event.target] += 1
        self.threads[frozenset((event.by, event.target))].append(event)
        receiver = self.members[event.target]
        if receiver.is_account:
            receiver.inbox.append(event)

    def _apply_follow(self, event: Event) -> None:
        self.add_follow(event.by, event.target)

    def _apply_unfollow(self, event: Event) -> None:
        self.members[event.target].followers.pop(event.by, None)
        self.members[event.by].following.pop(event.target, None)

    def _apply_like(self, event: Event) -> None:
        self.posts[event.target].likes.add(event.by)

    def _apply_view(self, event: Event) -> None:
        self.posts[event.target].views += int(event.text)

    def _apply_delete(self, event: Event) -> None:
        self.posts[event.target].gone = True

    def _apply_opt_out(self, event: Event) -> None:
        person = self.members[event.by]
        if person.opted_out_at is None:
            person.opted_out_at = event.at
        if event.target:  # said to one of ours; otherwise they pressed a button
            self.members[event.target].inbox.append(event)
            self.threads[frozenset((event.by, event.target))].append(event)

    def _apply_opt_out_read(self, event: Event) -> None:
        self.opt_outs_read.setdefault((event.by, event.person), event.at)

    def _apply_expire(self, event: Event) -> None:
        self.members[event.by].expired = True

    def _apply_restore(self, event: Event) -> None:
        self.members[event.by].expired = False

    def _apply_sign_out(self, event: Event) -> None:
        self.members[event.by].sessions += 1

    def _apply_refresh(self, event: Event) -> None:
        member = self.members[event.by]
        member.generation += 1
        member.expired = False
        self.refreshes += 1
