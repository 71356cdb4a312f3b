"""What the driver does on X, as its documentation describes it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from automation.channels import registry
from automation.channels.base import AuthFailed, Image, NotFound, Proof, Refused
from automation.channels.x.channel import XChannel, connect
from outreach.lib import networks
from tests.channels.contract import ChannelContract, Pair, act, read_inbox
from tests.channels.loopback import Reply
from tests.channels.x.conftest import login
from tests.channels.x.server import Post, XServer


class TestContract(ChannelContract):
    @pytest.fixture
    def pair(self, server: XServer, ada: XChannel, grace: XChannel) -> Pair:
        grace.publish(act("post", text="I sell compilers"))
        return Pair(connect, login(server, "ada"), "ada", ada, "grace_h", grace, query="compilers")


def test_network_says_what_its_api_does_not_allow() -> None:
    registry.load()
    network = networks.get("x")
    assert network.capabilities == XChannel.capabilities
    assert {"dm", "fetch_search", "like"} <= set(network.closed)


def test_server_that_is_not_x_gets_no_token(server: XServer, settings: object) -> None:
    with pytest.raises(AuthFailed, match="Leave its server empty"):
        connect(replace(login(server, "ada"), server="https://api.x.example.org"))
    settings.ALLOWED_PRIVATE_HOSTS = []  # type: ignore[attr-defined]
    with pytest.raises(AuthFailed, match="Leave its server empty"):
        connect(login(server, "ada"))
    assert server.requests == []


def test_profile_has_posts_figures_and_links_as_their_author_wrote_them(
    server: XServer, ada: XChannel, grace: XChannel
) -> None:
    server.members["1002"].description = "Compilers &amp; ships"
    first = grace.publish(act("post", text="Bugs & moths", link="https://example.org/moth"))
    grace.reply(act("reply", post_id=first.remote_id, text="and more"))
    found = ada.profile("@grace_h")
    assert (found.bio, found.followers_count, found.posts_count) == ("Compilers & ships", 0, 2)
    assert [post.text for post in found.posts] == ["Bugs & moths\n\nhttps://example.org/moth"]
    assert found.posts[0].url == f"https://x.com/grace_h/status/{first.remote_id}"
    assert (found.language, found.posts[0].replies) == ("en", 1)


@pytest.mark.parametrize("handle", ["", "no body", "a/b", "ünal", "?x=1"])
def test_handle_that_x_could_not_have_given_is_not_asked_for(
    server: XServer, ada: XChannel, handle: str
) -> None:
    with pytest.raises(NotFound):
        ada.follow(act("follow", handle=handle))
    assert server.count("GET", r"/2/users/by/.*") == 0


def test_id_is_acted_upon_without_looking_the_handle_up(server: XServer, ada: XChannel) -> None:
    ada.follow(act("follow", handle="renamed_since", remote_id="1002"))
    assert server.members["1001"].following == ["1002"]


def test_own_id_is_asked_once_a_process(server: XServer) -> None:
    for _ in range(3):
        XChannel(login(server, "ada")).follow(act("follow", remote_id="1002"))
    assert server.count("GET", "/2/users/me") == 1


def test_pending_follow_is_as_much_as_we_can_do(server: XServer, ada: XChannel) -> None:
    path = r"/2/users/\d+/following"
    server.fault(path, reply=Reply(200, {"data": {"following": False, "pending_follow": True}}), count=1)
    assert ada.follow(act("follow", remote_id="1002")).remote_id == "1002"
    server.fault(path, reply=Reply(200, {"data": {"following": False, "pending_follow": False}}))
    with pytest.raises(Refused):
        ada.follow(act("follow", remote_id="1002"))


def test_followers_come_page_by_page(server: XServer, ada: XChannel) -> None:
    server.page_size = 1
    for member in server.members.values():
        member.following.append("1002")
    first = ada.related("grace_h")
    second = ada.related("grace_h", cursor=first.cursor)
    assert [page.profiles[0].handle for page in (first, second)] == ["ada", "grace_h"]
    assert (bool(first.cursor), second.cursor) == (True, "")


def test_metrics_keep_the_order_and_tell_what_is_gone(ada: XChannel) -> None:
    ids = [ada.publish(act("post", text=f"Number {number}")).remote_id for number in range(2)]
    found = ada.metrics([ids[1], "1", ids[0]])
    assert [(one.remote_id, one.gone, one.views) for one in found] == [
        (ids[1], False, 7),
        ("1", True, None),
        (ids[0], False, 7),
    ]
    assert [one.gone for one in ada.metrics(["1", "2"])] == [True, True]


def test_backlog_is_read_whole_page_by_page_and_nothing_twice(
    server: XServer, ada: XChannel, grace: XChannel
) -> None:
    server.page_size = 3
    _, since = read_inbox(ada)
    for number in range(8):
        grace.message(act("dm", handle="ada", text=f"dm {number}"))
        grace.publish(act("post", text=f"@ada mention {number}"))
    messages, after = read_inbox(ada, since)
    assert sorted(m.text for m in messages) == sorted(
        [f"dm {n}" for n in range(8)] + [f"mention {n}" for n in range(8)]
    )
    assert len(after) < 255
    grace.message(act("dm", handle="ada", text="one more"))
    assert [m.text for m in read_inbox(ada, after)[0]] == ["one more"]


def test_what_arrives_while_a_backlog_is_read_is_not_lost(
    server: XServer, ada: XChannel, grace: XChannel
) -> None:
    server.page_size = 2
    for number in range(5):
        grace.message(act("dm", handle="ada", text=f"dm {number}"))
    first = ada.inbox("")
    grace.message(act("dm", handle="ada", text="meanwhile"))
    rest, cursor = read_inbox(ada, first.cursor)
    last, _ = read_inbox(ada, cursor)
    assert {m.text for m in (*first.messages, *rest, *last)} == {*(f"dm {n}" for n in range(5)), "meanwhile"}


def test_cursor_of_another_form_begins_at_the_first(ada: XChannel, grace: XChannel) -> None:
    grace.message(act("dm", handle="ada", text="hello"))
    for odd in ("17", "{", '{"m":[1]}', "null"):
        assert [m.text for m in ada.inbox(odd).messages] == ["hello"]


def test_pictures_go_up_with_their_words_before_the_post(server: XServer, ada: XChannel) -> None:
    picture = Image(b"\xff\xd8\xff-jpeg", "image/jpeg", "A moth", 10, 10)
    done = ada.publish(replace(act("post", text="Look"), images=(picture,)))
    ids = server.posts[done.remote_id].media
    assert len(ids) == 1
    assert (server.media[ids[0]]["alt"], b"-jpeg" in server.media[ids[0]]["body"]) == ("A moth", True)
    with pytest.raises(Refused, match="at most 4"):
        ada.publish(replace(act("post", text="Many"), images=(picture,) * 5))


def test_failed_upload_is_no_post(server: XServer, ada: XChannel) -> None:
    server.fault(
        "/2/media/upload", reply=Reply(400, {"title": "Invalid Request", "detail": "Media type unrecognized"})
    )
    with pytest.raises(Refused, match="Media type unrecognized"):
        ada.publish(replace(act("post", text="Look"), images=(Image(b"x", "image/jpeg", "", 1, 1),)))
    assert server.posts == {}


def test_lost_post_is_never_said_to_be_absent(server: XServer, ada: XChannel) -> None:
    for kind, more in (("post", {}), ("reply", {"post_id": "5"}), ("dm", {"remote_id": "1002"})):
        wanted = replace(act(kind, text="Nobody saw this", **more), started_at=timezone.now())
        assert ada.reconcile(wanted).proof is Proof.NONE


def test_same_words_elsewhere_are_not_the_reply(ada: XChannel, grace: XChannel) -> None:
    one, two = (grace.publish(act("post", text=text)).remote_id for text in ("One", "Two"))
    began = timezone.now() - timedelta(seconds=0.5)
    ada.reply(act("reply", post_id=one, text="Yes"))
    assert ada.reconcile(replace(act("reply", post_id=two, text="Yes"), started_at=began)).proof is Proof.NONE
    assert ada.reconcile(replace(act("post", text="Yes"), started_at=began)).proof is Proof.NONE
    assert (
        ada.reconcile(replace(act("reply", post_id=one, text="Yes"), started_at=began)).proof is Proof.PRESENT
    )


def test_post_is_found_behind_newer_ones(server: XServer, ada: XChannel) -> None:
    server.page_size = 2
    wanted = replace(act("post", text="The first"), started_at=timezone.now())
    done = ada.publish(wanted)
    for number in range(5):
        ada.publish(act("post", text=f"Later {number}"))
    assert ada.reconcile(wanted).done.remote_id == done.remote_id


def test_clock_of_x_that_is_ahead_proves_no_earlier_post(server: XServer, ada: XChannel) -> None:
    """Its header says how far ahead: a post made before the act began does not pass for it."""
    earlier = server.new_id()
    server.posts[earlier] = Post(earlier, "1001", "Again")
    wanted = replace(act("post", text="Again"), started_at=timezone.now() + timedelta(seconds=3))
    assert ada.reconcile(wanted).proof is Proof.NONE


def test_tokens_are_in_no_log(server: XServer, ada: XChannel, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ada.publish(act("post", text="Hello"))
    assert "ada-token" not in caplog.text


def test_connections_are_kept_and_shared(
    server: XServer, ada: XChannel, grace: XChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.verify()
    monkeypatch.setattr("outreach.lib.net.addresses.resolve", pytest.fail)
    ada.verify()
    grace.verify()
