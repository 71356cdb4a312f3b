"""What every channel must do, whatever its network: subclass :class:`ChannelContract` and give it a ``pair`` fixture.

    class TestContract(ChannelContract):
        @pytest.fixture
        def pair(self, server) -> Pair: ...

The checks act for one account upon another of the same server and look at what arrives, so they need two accounts.
Where a network has no messages, they say so, and what is checked with messages elsewhere is checked with replies.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from automation.channels.base import (
    Act,
    AuthFailed,
    Channel,
    Done,
    Inbound,
    Login,
    NotFound,
    ProfileInfo,
    Proof,
    Refused,
)


@dataclass(frozen=True)
class Pair:
    """Two accounts of one server. ``query`` is a search that finds ``their_handle``; ``unknown`` nobody's handle.

    ``patience`` is how many seconds the server's lists may lag behind what was done.
    """

    connect: Callable[[Login], Channel]
    login: Login
    our_handle: str
    ours: Channel
    their_handle: str
    theirs: Channel
    query: str
    unknown: str = "nobody_of_that_name"
    patience: float = 0.0

    @property
    def has_messages(self) -> bool:
        return "dm" in self.ours.capabilities

    def eventually(self, holds: Callable[[], bool]) -> bool:
        """Whether it holds, now or when the server's lists have caught up."""
        ends = time.monotonic() + self.patience
        while not (held := holds()) and time.monotonic() < ends:
            time.sleep(0.2)
        return held

    def post(self, text: str) -> Done:
        """A new post of theirs that the server's lists show: it may be told of answers to no other."""
        done = self.theirs.publish(act("post", text=text))
        if self.patience:
            assert self.eventually(lambda: done.remote_id in self._their_posts()), "their post is not listed"
        return done

    def _their_posts(self) -> list[str]:
        return [post.remote_id for post in self.ours.profile(self.their_handle).posts]

    def write(self, text: str) -> tuple[str, Done]:
        """Write something to them: a message, or where there are none a reply to a new post. Its kind, and what we got."""
        if self.has_messages:
            return "dm", self.ours.message(act("dm", handle=self.their_handle, text=text))
        post = self.post(f"Tell me {uuid.uuid4().hex}")
        wanted = act("reply", handle=self.their_handle, post_id=post.remote_id, text=text)
        return "comment", self.ours.reply(wanted)

    def new_messages(self, since: str, count: int) -> tuple[list[Inbound], str]:
        """What they got after ``since``, once there are ``count``, and the last cursor."""
        messages: list[Inbound] = []

        def enough() -> bool:
            nonlocal since
            found, since = read_inbox(self.theirs, since)
            messages.extend(found)
            return len(messages) >= count

        self.eventually(enough)
        return messages, since

    def now(self) -> datetime:
        """The time acts begin at, as the engine notes it."""
        return datetime.now(UTC)


def act(kind: str, **details: str) -> Act:
    """A new act with a send id of its own."""
    return Act(kind=kind, send_id=uuid.uuid4(), **details)  # type: ignore[arg-type]


def read_inbox(channel: Channel, since: str = "") -> tuple[list[Inbound], str]:
    """Everything after ``since``, page by page, and the last cursor."""
    messages: list[Inbound] = []
    for _ in range(50):
        page = channel.inbox(since)
        messages += page.messages
        since = page.cursor
        if not page.more:
            return messages, since
    raise AssertionError("The inbox says for ever that there is more.")


class ChannelContract:
    """Inherit in one test class per channel."""

    def test_verify_names_the_account_of_the_credential(self, pair: Pair) -> None:
        assert pair.ours.verify().handle == pair.our_handle
        assert pair.theirs.verify().handle == pair.their_handle

    def test_a_wrong_credential_fails_without_telling_it(self, pair: Pair) -> None:
        secret = dict.fromkeys(pair.login.secret, "canary-7c1f")
        with pytest.raises(AuthFailed) as caught:
            pair.connect(replace(pair.login, secret=secret)).verify()
        assert (
            "canary-7c1f" not in f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"
        )

    def test_secrets_are_in_no_repr(self, pair: Pair) -> None:
        shown = repr(pair.login) + repr(pair.ours)
        assert not [value for value in pair.login.secret.values() if value in shown]

    def test_profile_is_found_by_handle(self, pair: Pair) -> None:
        found = pair.ours.profile(pair.their_handle)
        assert isinstance(found, ProfileInfo)
        assert found.handle == pair.their_handle
        assert found.remote_id == pair.theirs.verify().remote_id

    def test_unknown_profile_is_not_found(self, pair: Pair) -> None:
        with pytest.raises(NotFound):
            pair.ours.profile(pair.unknown)

    def test_search_finds_a_profile_and_ends(self, pair: Pair) -> None:
        handles, cursor = [], ""
        for _ in range(20):
            page = pair.ours.search(pair.query, cursor)
            handles += [profile.handle for profile in page.profiles]
            cursor = page.cursor
            if not cursor:
                break
        assert pair.their_handle in handles
        assert cursor == ""

    def test_follow_shows_among_their_followers_and_unfollow_ends_it(self, pair: Pair) -> None:
        def followed() -> bool:
            return pair.our_handle in [one.handle for one in pair.ours.related(pair.their_handle).profiles]

        assert isinstance(pair.ours.follow(act("follow", handle=pair.their_handle)), Done)
        assert pair.eventually(followed)
        pair.ours.unfollow(act("unfollow", handle=pair.their_handle))
        assert pair.eventually(lambda: not followed())

    def test_following_nobody_is_not_found(self, pair: Pair) -> None:
        with pytest.raises(NotFound):
            pair.ours.follow(act("follow", handle=pair.unknown))

    def test_a_message_to_nobody_is_not_sent(self, pair: Pair) -> None:
        with pytest.raises(NotFound if pair.has_messages else Refused):
            pair.ours.message(act("dm", handle=pair.unknown, text="Hello"))

    def test_message_arrives_once_and_the_cursor_moves_past_it(self, pair: Pair) -> None:
        _, before = read_inbox(pair.theirs)
        text = f"Good morning {uuid.uuid4().hex}"
        kind, done = pair.write(text)
        messages, after = pair.new_messages(before, 1)
        assert [(m.kind, m.handle, m.text) for m in messages] == [(kind, pair.our_handle, text)]
        assert messages[0].remote_id == done.remote_id
        assert messages[0].sent_at.tzinfo is not None
        assert read_inbox(pair.theirs, after) == ([], after)

    def test_messages_come_oldest_first(self, pair: Pair) -> None:
        _, before = read_inbox(pair.theirs)
        for number in range(3):
            pair.write(f"Number {number}")
        messages, _ = pair.new_messages(before, 3)
        assert [m.text for m in messages] == ["Number 0", "Number 1", "Number 2"]

    def test_reply_is_a_comment_to_its_author(self, pair: Pair) -> None:
        post = pair.post(f"Question {uuid.uuid4().hex}")
        _, before = read_inbox(pair.theirs)
        text = f"Answer {uuid.uuid4().hex}"
        reply = pair.ours.reply(act("reply", handle=pair.their_handle, post_id=post.remote_id, text=text))
        messages, _ = pair.new_messages(before, 1)
        assert [(m.kind, m.text, m.remote_id) for m in messages] == [("comment", text, reply.remote_id)]

        def commenters() -> list[str]:
            return [profile.handle for profile in pair.ours.commenters(pair.their_handle).profiles]

        assert pair.eventually(lambda: pair.our_handle in commenters())
        assert pair.their_handle not in commenters()
        assert pair.ours.commenters(pair.their_handle, over=50).profiles == ()

    def test_likes_and_replies_are_counted(self, pair: Pair) -> None:
        post = pair.post(f"Like me {uuid.uuid4().hex}")
        pair.ours.like(act("like", handle=pair.their_handle, post_id=post.remote_id))

        def figures() -> list[tuple[str, int, bool]]:
            return [(m.remote_id, m.likes, m.gone) for m in pair.theirs.metrics([post.remote_id])]

        assert pair.eventually(lambda: figures() == [(post.remote_id, 1, False)])

    def test_link_is_part_of_the_post(self, pair: Pair) -> None:
        text = f"Read {uuid.uuid4().hex}"
        pair.ours.publish(act("post", text=text, link="https://example.org/a?b=1&c=2"))
        wanted = (text, "https://example.org/a?b=1&c=2")

        def shown() -> bool:
            newest = pair.theirs.profile(pair.our_handle).posts[:1]
            return bool(newest) and all(part in newest[0].text for part in wanted)

        assert pair.eventually(shown)

    def test_states_are_proved_either_way(self, pair: Pair) -> None:
        follow = replace(act("follow", handle=pair.their_handle), started_at=pair.now())
        assert pair.ours.reconcile(follow).proof is Proof.ABSENT
        pair.ours.follow(follow)
        assert pair.ours.reconcile(follow).proof is Proof.PRESENT
        unfollow = replace(act("unfollow", handle=pair.their_handle), started_at=pair.now())
        assert pair.ours.reconcile(unfollow).proof is Proof.ABSENT
        pair.ours.unfollow(unfollow)
        assert pair.ours.reconcile(unfollow).proof is Proof.PRESENT

    def test_likes_are_proved_either_way(self, pair: Pair) -> None:
        post = pair.post(f"Prove it {uuid.uuid4().hex}")
        like = replace(act("like", post_id=post.remote_id), started_at=pair.now())
        assert pair.ours.reconcile(like).proof is Proof.ABSENT
        pair.ours.like(like)
        assert pair.ours.reconcile(like).proof is Proof.PRESENT

    @pytest.mark.parametrize("kind", ["post", "reply", "dm"])
    def test_what_was_written_is_found_again(self, pair: Pair, kind: str) -> None:
        if kind == "dm" and not pair.has_messages:
            assert pair.ours.reconcile(replace(act("dm"), started_at=pair.now())).proof is Proof.NONE
            return
        post = pair.post(f"Talk to me {uuid.uuid4().hex}")
        wanted = replace(
            act(
                kind,
                text=f"Here *I* am & “there”, {uuid.uuid4().hex}",
                handle="" if kind == "post" else pair.their_handle,
                post_id=post.remote_id if kind == "reply" else "",
            ),
            started_at=pair.now(),
        )
        assert pair.ours.reconcile(wanted).proof is not Proof.PRESENT
        method = {"post": pair.ours.publish, "reply": pair.ours.reply, "dm": pair.ours.message}[kind]
        done = method(wanted)
        finding = pair.ours.reconcile(wanted)
        assert (finding.proof, finding.done.remote_id) == (Proof.PRESENT, done.remote_id)

    def test_the_same_words_sent_before_prove_nothing(self, pair: Pair) -> None:
        text = f"Again {uuid.uuid4().hex}"
        pair.ours.publish(act("post", text=text))
        later = replace(act("post", text=text), started_at=pair.now() + timedelta(seconds=5))
        assert pair.ours.reconcile(later).proof is not Proof.PRESENT
