"""What the driver does on Instagram, as Meta's documentation describes it."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from automation.channels import registry
from automation.channels.base import AuthFailed, Image, Login, NotFound, Proof, Refused, TryLater, Unknown
from automation.channels.instagram import publishing
from automation.channels.instagram.channel import InstagramChannel, connect
from outreach.lib import networks
from tests.channels.contract import ChannelContract, Pair, act, read_inbox
from tests.channels.instagram.conftest import login
from tests.channels.instagram.server import GraphServer
from tests.channels.loopback import Reply

PICTURE = "https://example.org/roast.jpg"


class TestContract(ChannelContract):
    """What needs acts that Instagram's API does not have is tested below, the other way round."""

    test_search_finds_a_profile_and_ends = None
    test_follow_shows_among_their_followers_and_unfollow_ends_it = None
    test_following_nobody_is_not_found = None
    test_reply_is_a_comment_to_its_author = None
    test_likes_and_replies_are_counted = None
    test_link_is_part_of_the_post = None
    test_states_are_proved_either_way = None
    test_likes_are_proved_either_way = None
    test_what_was_written_is_found_again = None
    test_the_same_words_sent_before_prove_nothing = None

    @pytest.fixture
    def pair(self, server: GraphServer, roast: InstagramChannel, brew: InstagramChannel) -> Pair:
        server.write(server.brew, server.roast, "Hello, may I ask something?")
        return Pair(connect, login(server), "roast", roast, "brew", brew, query="")


def test_what_the_api_does_not_allow_is_closed_and_says_why(
    roast: InstagramChannel, server: GraphServer
) -> None:
    registry.load()
    network = networks.get("instagram")
    calls = {"follow": roast.follow, "unfollow": roast.unfollow, "like": roast.like}
    for kind, call in calls.items():
        assert kind not in network.capabilities
        with pytest.raises(Refused, match=network.closed[kind]):
            call(act(kind, handle="brew", post_id="1"))
    for kind, read in {"fetch_search": roast.search, "fetch_related": roast.related}.items():
        assert kind not in network.capabilities
        with pytest.raises(Refused, match=network.closed[kind]):
            read("brew")
    assert server.requests == []


def test_server_that_is_not_instagram_gets_no_token(server: GraphServer) -> None:
    with pytest.raises(AuthFailed, match="Leave its server empty"):
        connect(replace(login(server), server="https://graph.example.org"))


def test_profile_needs_a_facebook_token(server: GraphServer) -> None:
    with pytest.raises(AuthFailed, match="Facebook access token"):
        InstagramChannel(login(server, facebook_token="")).profile("brew")


def test_profile_has_its_figures_and_posts(server: GraphServer, roast: InstagramChannel) -> None:
    server.add_media(server.brew, "New beans")
    found = roast.profile("@brew")
    assert (found.followers_count, found.posts_count, found.url) == (7, 1, "https://www.instagram.com/brew/")
    assert [post.text for post in found.posts] == ["New beans"]


@pytest.mark.parametrize("handle", ["", "a b", "x){id}", "é"])
def test_handle_that_is_none_is_not_asked_for(
    server: GraphServer, roast: InstagramChannel, handle: str
) -> None:
    with pytest.raises(NotFound):
        roast.profile(handle)
    assert server.requests == []


def test_stranger_cannot_be_written_to(server: GraphServer, roast: InstagramChannel) -> None:
    with pytest.raises(NotFound, match="people who wrote first"):
        roast.message(act("dm", handle="guest.of_honour", text="Hello"))
    assert server.messages == []


def test_message_after_the_window_is_refused(server: GraphServer, roast: InstagramChannel) -> None:
    server.write(server.guest, server.roast, "Hello", at=time.time() - 90_000)
    with pytest.raises(Refused, match="last 24 hours"):
        roast.message(act("dm", handle="guest.of_honour", text="Hello again"))
    assert len(server.messages) == 1


def test_message_that_is_too_long_is_refused_unsent(server: GraphServer, roast: InstagramChannel) -> None:
    with pytest.raises(Refused, match="1000 bytes"):
        roast.message(act("dm", handle="brew", text="ü" * 501))
    assert server.requests == []


def test_post_goes_through_a_container(server: GraphServer, roast: InstagramChannel) -> None:
    server.fetching = 2
    done = roast.publish(act("post", text="Fresh", link=PICTURE))
    assert server.media[done.remote_id].caption == "Fresh"
    assert done.url == f"https://www.instagram.com/p/{done.remote_id}/"


@pytest.mark.parametrize("link", ["", "roast.jpg"])
def test_post_without_a_picture_is_refused(server: GraphServer, roast: InstagramChannel, link: str) -> None:
    picture = Image(b"x", "image/jpeg", "", 1, 1)
    for wanted in (
        act("post", text="Words", link=link),
        replace(act("post", link=PICTURE), images=(picture,)),
    ):
        with pytest.raises(Refused, match="public address of a JPEG"):
            roast.publish(wanted)
    assert server.requests == []


def test_picture_that_takes_long_is_published_by_a_later_attempt(
    server: GraphServer, roast: InstagramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PAUSE_SECONDS", 0.01)
    server.fetching = 6
    wanted = act("post", text="Slow", link=PICTURE)
    with pytest.raises(TryLater) as caught:
        roast.publish(wanted)
    assert (caught.value.retry_after, caught.value.rate_limited, server.media) == (20.0, False, {})
    roast.publish(wanted)
    assert (len(server.containers), len(server.media)) == (1, 1)


def test_picture_that_cannot_be_taken_is_refused(server: GraphServer, roast: InstagramChannel) -> None:
    with pytest.raises(Refused, match="Only photo"):
        roast.publish(act("post", link="https://example.org/roast.png"))
    wanted = act("post", text="Broken", link=PICTURE)
    publishing._containers[wanted.send_id] = "77"
    server.containers["77"] = {"state": "ERROR", "said": "Error: 2207052"}
    with pytest.raises(Refused, match="2207052"):
        roast.publish(wanted)
    assert server.media == {}


@pytest.mark.parametrize("kept", [None, 0, 9])
def test_lost_answer_to_a_publish_is_settled_by_its_container(
    server: GraphServer, roast: InstagramChannel, kept: int | None
) -> None:
    server.fault("/v24.0/me/media_publish", kept=kept)
    done = roast.publish(act("post", text="Fresh", link=PICTURE))
    assert list(server.media) == [done.remote_id]


def test_publish_that_never_arrived_is_proved_absent_by_its_container(
    server: GraphServer, roast: InstagramChannel
) -> None:
    server.fault("/v24.0/me/media_publish", reply=Reply(502, b"bad gateway"))
    wanted = replace(act("post", text="Fresh", link=PICTURE), started_at=datetime.now(UTC))
    with pytest.raises(Unknown):
        roast.publish(wanted)
    assert roast.reconcile(wanted).proof is Proof.ABSENT
    server.faults.clear()
    done = roast.publish(wanted)
    found = roast.reconcile(wanted)
    assert (found.proof, found.done.remote_id, len(server.media)) == (Proof.PRESENT, done.remote_id, 1)


def test_another_worker_finds_a_post_by_its_words_or_leaves_it_to_a_person(
    server: GraphServer, roast: InstagramChannel
) -> None:
    wanted = replace(act("post", text="Fresh & hot", link=PICTURE), started_at=datetime.now(UTC))
    assert roast.reconcile(wanted).proof is Proof.NONE
    done = roast.publish(wanted)
    publishing._containers.clear()
    assert roast.reconcile(wanted).done.remote_id == done.remote_id
    later = replace(wanted, started_at=datetime.fromtimestamp(time.time() + 5, UTC))
    assert roast.reconcile(later).proof is Proof.NONE


def test_comment_is_answered_and_the_answer_found_again(server: GraphServer, roast: InstagramChannel) -> None:
    media = server.add_media(server.roast, "New beans")
    comment = server.comment(media, server.guest, "Which ones?")
    wanted = replace(
        act("reply", post_id=comment.id, handle="guest.of_honour", text="The dark ones"),
        started_at=datetime.now(UTC),
    )
    assert roast.reconcile(wanted).proof is Proof.NONE
    done = roast.reply(wanted)
    assert [(reply.id, reply.text) for reply in comment.replies] == [(done.remote_id, "The dark ones")]
    found = roast.reconcile(wanted)
    assert (found.proof, found.done.remote_id) == (Proof.PRESENT, done.remote_id)


def test_comment_that_is_gone_is_not_found(roast: InstagramChannel) -> None:
    with pytest.raises(NotFound):
        roast.reply(act("reply", post_id="5", text="Hello"))
    with pytest.raises(Refused):
        roast.reply(act("reply", post_id="../me", text="Hello"))


def test_message_is_found_again_and_one_never_sent_is_left_to_a_person(
    server: GraphServer, roast: InstagramChannel
) -> None:
    server.write(server.brew, server.roast, "Hello?")
    wanted = replace(
        act("dm", handle="brew", text="Here I am & “there”", link="https://a.example"),
        started_at=datetime.now(UTC),
    )
    assert roast.reconcile(wanted).proof is Proof.NONE
    done = roast.message(wanted)
    found = roast.reconcile(wanted)
    assert (found.proof, found.done.remote_id) == (Proof.PRESENT, done.remote_id)


def test_inbox_has_comments_their_replies_and_messages_once(
    server: GraphServer, roast: InstagramChannel
) -> None:
    media = server.add_media(server.roast, "New beans")
    _, since = read_inbox(roast)
    comment = server.comment(media, server.guest, "Which ones?")
    roast.reply(act("reply", post_id=comment.id, text="The dark ones"))
    server.write(server.guest, server.roast, "And the price?")
    messages, after = read_inbox(roast, since)
    assert sorted((m.kind, m.handle, m.text) for m in messages) == [
        ("comment", "guest.of_honour", "Which ones?"), ("dm", "guest.of_honour", "And the price?"),
    ]  # fmt: skip
    assert {m.sender_id for m in messages} == {server.guest.user_id}
    server.write(server.guest, server.roast, "Quickly, in the same second")
    assert [m.text for m in read_inbox(roast, after)[0]] == ["Quickly, in the same second"]
    assert len(after) < 255


@pytest.mark.parametrize("odd", ["x", "|", "a:b|c:d", "1|2|3"])
def test_cursor_of_another_form_begins_at_the_first(
    server: GraphServer, roast: InstagramChannel, odd: str
) -> None:
    server.write(server.guest, server.roast, "Hello")
    assert [m.text for m in roast.inbox(odd).messages] == ["Hello"]


def test_commenters_are_those_of_our_own_posts(server: GraphServer, roast: InstagramChannel) -> None:
    for number in range(30):
        server.comment(server.add_media(server.roast, f"Post {number}"), server.guest, "Nice")
    first = roast.commenters("roast")
    second = roast.commenters("", cursor=first.cursor)
    assert [one.handle for one in (*first.profiles, *second.profiles)] == ["guest.of_honour"] * 2
    assert (bool(first.cursor), second.cursor) == (True, "")
    with pytest.raises(Refused, match="own posts"):
        roast.commenters("brew")


def test_commenters_only_of_posts_with_more_than_so_many(
    server: GraphServer, roast: InstagramChannel
) -> None:
    media = server.add_media(server.roast, "New beans")
    for text in ("Nice", "Very nice"):
        server.comment(media, server.guest, text)
    assert [len(roast.commenters("roast", over=few).profiles) for few in (1, 2)] == [1, 0]


def test_metrics_keep_the_order_and_tell_what_is_gone(server: GraphServer, roast: InstagramChannel) -> None:
    media = server.add_media(server.roast, "New beans")
    found = roast.metrics(["5", media.id])
    assert [(one.gone, one.likes, one.reposts, one.views) for one in found] == [
        (True, 0, 0, None),
        (False, 3, 2, 41),
    ]


def test_tokens_are_in_no_address_and_no_log(
    server: GraphServer, roast: InstagramChannel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    roast.profile("brew")
    roast.publish(act("post", text="Fresh", link=PICTURE))
    assert "roast-token" not in caplog.text + "".join(str(one.query) for one in server.requests)
    assert "facebook-token" not in caplog.text


def test_login_shows_no_token(server: GraphServer) -> None:
    shown: Login = login(server)
    assert "roast-token" not in repr(shown) + repr(InstagramChannel(shown))
