"""The driver against mastodon-mock, a server that is not ours."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace

import pytest

from automation.channels import registry
from automation.channels.base import Channel, Login, NotFound, Refused
from automation.channels.mastodon import audit, client
from automation.channels.mastodon.channel import MastodonChannel, connect
from tests.channels.contract import ChannelContract, Pair, act, read_inbox
from tests.channels.mastodon.conftest import MockServer, login

pytestmark = pytest.mark.peers


class TestContract(ChannelContract):
    @pytest.fixture
    def pair(self, server: MockServer, ada: MastodonChannel, katherine: MastodonChannel) -> Pair:
        return Pair(connect, login(server.url, "ada"), "ada", ada, "katherine", katherine, query="Johnson")


def test_driver_is_opened_by_the_registry(server: MockServer) -> None:
    channel: Channel = registry.open_channel("mastodon", login(server.url, "grace"))
    assert channel.verify().display_name == "Grace Hopper"
    assert channel.capabilities == registry.capabilities("mastodon")


def test_package_announces_itself_without_loading_the_client() -> None:
    code = "import sys, automation.channels.mastodon; sys.exit('mastodon' in sys.modules or 'requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_profile_carries_bio_counts_and_own_posts(ada: MastodonChannel, server: MockServer) -> None:
    server.call(
        "POST",
        "/api/v1/statuses",
        "katherine_token",
        data={"status": "@grace secret", "visibility": "direct"},
    )
    server.call("POST", "/api/v1/statuses", "katherine_token", data={"status": "Orbit!", "language": "en"})
    found = ada.profile("@Katherine".lower())
    assert found.bio == "Doing the math that gets us to orbit."
    assert (found.followers_count, found.following_count, found.posts_count) == (0, 1, 2)
    assert [post.text for post in found.posts] == [
        "Orbit!",
        "Running the numbers one more time before launch. #spaceflight",
    ]
    assert found.language == "en"
    assert found.posts[0].created_at is not None


def test_profile_is_searched_where_the_server_cannot_look_up(
    ada: MastodonChannel, server: MockServer
) -> None:
    server.fault("/api/v1/accounts/lookup", status=404, type="status")
    assert ada.profile("grace").display_name == "Grace Hopper"


def test_profile_is_found_by_id_where_neither_lookup_nor_search_help(
    ada: MastodonChannel, server: MockServer
) -> None:
    grace = ada.profile("grace").remote_id
    server.fault("/api/v1/accounts/lookup", status=404, type="status")
    server.fault("/api/v1/accounts/search", status=200, type="status", body=[])
    assert ada.profile("grace", grace).handle == "grace"
    with pytest.raises(NotFound):
        ada.profile("alan", grace)


def test_search_of_a_hashtag_finds_its_authors(ada: MastodonChannel) -> None:
    assert [profile.handle for profile in ada.search("#spaceflight").profiles] == ["katherine"]
    assert [profile.handle for profile in ada.search("#computing").profiles] == ["ada"]
    assert ada.search("#nothing").profiles == ()


def test_followers_come_in_pages(ada: MastodonChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automation.channels.mastodon.reading.PAGE", 2)
    handles, cursor = [], ""
    for _ in range(5):
        page = ada.related("ada", cursor=cursor)
        handles += [profile.handle for profile in page.profiles]
        cursor = page.cursor
        if not cursor:
            break
    assert sorted(handles) == ["alan", "grace", "katherine"]


def test_search_comes_in_pages(ada: MastodonChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automation.channels.mastodon.reading.PAGE", 3)
    first = ada.search("a")
    second = ada.search("a", first.cursor)
    assert [len(first.profiles), len(second.profiles), second.cursor] == [3, 1, ""]
    assert len({profile.handle for profile in first.profiles + second.profiles}) == 4


def test_follow_of_a_locked_profile_is_done_once_requested(ada: MastodonChannel, server: MockServer) -> None:
    server.call("PATCH", "/api/v1/accounts/update_credentials", "katherine_token", data={"locked": "true"})
    follow = act("follow", handle="katherine")
    ada.follow(follow)
    assert ada.reconcile(follow).proof.value == "present"
    requests = server.call("GET", "/api/v1/follow_requests", "katherine_token")
    assert [account["acct"] for account in requests] == ["ada"]


def test_same_send_id_posts_once(ada: MastodonChannel, server: MockServer) -> None:
    wanted = act("post", text="Only once, please")
    assert ada.publish(wanted) == ada.publish(wanted)
    assert len([s for s in server.statuses("ada") if "Only once" in s["content"]]) == 1


def test_reply_is_no_more_public_than_what_it_answers(ada: MastodonChannel, server: MockServer) -> None:
    data = {"status": "@ada between us", "visibility": "direct"}
    theirs = server.call("POST", "/api/v1/statuses", "katherine_token", data=data)
    ada.reply(act("reply", handle="katherine", post_id=theirs["id"], text="Of course"))
    newest = server.statuses("ada")[0]
    assert (newest["visibility"], newest["in_reply_to_id"]) == ("direct", theirs["id"])
    assert newest["mentions"][0]["acct"] == "katherine"


@pytest.mark.parametrize("kind", ["reply", "like"])
def test_post_of_somebody_else_is_not_acted_upon(ada: MastodonChannel, server: MockServer, kind: str) -> None:
    """An id learnt on another server names a stranger's post here."""
    theirs = server.statuses("grace")[0]["id"]
    wanted = act(kind, handle="katherine", post_id=theirs, text="Hello")
    with pytest.raises(NotFound, match="not by @katherine"):
        ada.reply(wanted) if kind == "reply" else ada.like(wanted)
    assert server.call("GET", f"/api/v1/statuses/{theirs}")["favourites_count"] == 0
    assert server.call("GET", f"/api/v1/statuses/{theirs}/context")["descendants"] == []


def test_handle_wins_over_an_id_of_another_server(ada: MastodonChannel, server: MockServer) -> None:
    grace = ada.profile("grace").remote_id
    ada.unfollow(act("unfollow", handle="grace"))
    ada.follow(act("follow", handle="katherine", remote_id=grace))
    me = server.call("GET", "/api/v1/accounts/verify_credentials", "ada_token")
    followed = server.call("GET", f"/api/v1/accounts/{me['id']}/following", "ada_token")
    assert {account["acct"] for account in followed} == {"alan", "katherine"}


def test_message_to_nobody_is_refused_and_taken_back(ada: MastodonChannel, server: MockServer) -> None:
    """A server that does not take the mention leaves a direct status that only we can see."""
    before = len(server.statuses("ada"))
    status = server.call(
        "POST", "/api/v1/statuses", "ada_token", data={"status": "x", "visibility": "direct"}
    )
    server.fault("/api/v1/statuses", methods=["POST"], count=1, type="status", status=200, body=status)
    with pytest.raises(Refused, match="did not accept @katherine"):
        ada.message(act("dm", handle="katherine", text="Hello"))
    assert len(server.statuses("ada")) == before


def test_metrics_tell_what_is_gone(ada: MastodonChannel, server: MockServer) -> None:
    kept = ada.publish(act("post", text="Kept")).remote_id
    gone = ada.publish(act("post", text="Gone")).remote_id
    server.call("DELETE", f"/api/v1/statuses/{gone}", "ada_token")
    assert [(m.remote_id, m.gone) for m in ada.metrics([gone, kept, "999"])] == [
        (gone, True),
        (kept, False),
        ("999", True),
    ]


def test_metrics_work_where_the_server_has_no_batches(ada: MastodonChannel, server: MockServer) -> None:
    kept = ada.publish(act("post", text="Kept")).remote_id
    server.fault("/api/v1/statuses", methods=["GET"], type="status", status=404)
    assert [(m.remote_id, m.gone) for m in ada.metrics([kept])] == [(kept, False)]


def test_inbox_loses_nothing_when_more_than_a_page_is_new(ada: MastodonChannel, server: MockServer) -> None:
    _, before = read_inbox(ada)
    for number in range(45):
        data = {"status": f"@ada message {number}", "visibility": "direct" if number % 2 else "public"}
        server.call("POST", "/api/v1/statuses", "katherine_token", data=data)
    first = ada.inbox(before)
    assert first.more
    messages, after = read_inbox(ada, before)
    assert [m.text for m in messages] == [f"message {number}" for number in range(45)]
    assert [m.kind for m in messages[:2]] == ["comment", "dm"]
    assert read_inbox(ada, after)[0] == []


def test_inbox_cursor_passes_what_is_no_message_any_more(ada: MastodonChannel, server: MockServer) -> None:
    _, before = read_inbox(ada)
    status = server.call("POST", "/api/v1/statuses", "katherine_token", data={"status": "@ada oops"})
    note = server.call("GET", "/api/v1/notifications", "ada_token")[0]
    server.fault("/api/v1/notifications", type="status", status=200, body=[{**note, "status": None}], count=1)
    page = ada.inbox(before)
    assert (page.messages, page.cursor) == ((), note["id"])
    assert status["id"]


def test_inbox_tells_machines_from_people(ada: MastodonChannel, server: MockServer) -> None:
    _, before = read_inbox(ada)
    server.call("PATCH", "/api/v1/accounts/update_credentials", "katherine_token", data={"bot": "true"})
    server.call("POST", "/api/v1/statuses", "katherine_token", data={"status": "@ada beep"})
    server.call("POST", "/api/v1/statuses", "grace_token", data={"status": "@ada hi"})
    assert [(m.handle, m.automatic) for m in read_inbox(ada, before)[0]] == [
        ("katherine", True),
        ("grace", False),
    ]


def test_inbox_reads_html_as_text(ada: MastodonChannel, server: MockServer) -> None:
    _, before = read_inbox(ada)
    text = "@ada I'd say 1 < 2 & so on\nsee https://example.org/a\n\nBye"
    server.call("POST", "/api/v1/statuses", "katherine_token", data={"status": text})
    assert read_inbox(ada, before)[0][0].text == "I'd say 1 < 2 & so on\nsee https://example.org/a\n\nBye"


def test_no_secret_in_logs(server: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "httpcore", "mastodon"):
        caplog.set_level(logging.DEBUG, logger=name or None)
    canary = MastodonChannel(Login(1, "ada", server.url, secret={"token": "canary_token_5e1d"}))
    with pytest.raises(Exception, match="401"):
        canary.verify()
    server.fault(
        "/api/v1/accounts/lookup", type="status", status=422, body={"error": "bad token canary_token_5e1d"}
    )
    server.fault(
        "/api/v1/accounts/search", type="status", status=422, body={"error": "bad token canary_token_5e1d"}
    )
    with pytest.raises(NotFound):
        canary.profile("grace")
    assert caplog.records
    assert "canary_token_5e1d" not in caplog.text


def test_connections_are_kept_and_shared_by_accounts(
    ada: MastodonChannel, katherine: MastodonChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.verify()
    monkeypatch.setattr(
        "outreach.lib.net.addresses.resolve", pytest.fail
    )  # a new connection would have to resolve the name
    ada.verify()
    katherine.verify()


def test_the_server_says_what_it_takes_as_one_post(server: MockServer, ada: MastodonChannel) -> None:
    told = server.call("GET", "/api/v2/instance")["configuration"]["statuses"]["max_characters"]
    assert ada.verify().longest_post == told > 0


@pytest.mark.parametrize(
    ("instance", "longest"),
    [
        ({"configuration": {"statuses": {"max_characters": 5000}}, "max_toot_chars": 7}, 5000),
        ({"max_toot_chars": 11_000}, 11_000),
        ({"configuration": {"statuses": {"max_characters": "many"}}}, None),
        ({"configuration": None, "max_toot_chars": True}, None),
        ({"max_toot_chars": 0}, None),
        ({}, None),
    ],
)
def test_servers_of_the_family_name_their_limit_differently(
    instance: dict[str, object], longest: int | None
) -> None:
    assert client.longest_post(instance) == longest


def test_domain_is_asked_once_a_process(server: MockServer, ada: MastodonChannel) -> None:
    ada.verify()
    server.fault("/api/v*/instance*", type="status", status=500)
    assert MastodonChannel(login(server.url, "grace")).profile("katherine").handle == "katherine"
    assert server.url in client._instances


def test_audit_shows_what_the_server_holds(ada: MastodonChannel, server: MockServer) -> None:
    post = ada.publish(act("post", text="In the open"))
    dm = ada.message(act("dm", handle="katherine", text="Between us"))
    ada.follow(act("follow", handle="katherine"))
    theirs = server.statuses("grace")[-1]["id"]
    ada.like(act("like", handle="grace", post_id=theirs))
    seen = audit.look(server.url, "ada_token")
    assert seen.handle == "ada"
    assert {account.handle for account in seen.following} == {"alan", "grace", "katherine"}
    newest = seen.messages[0]
    assert (newest.remote_id, newest.text, newest.mentions) == (
        dm.remote_id,
        "@katherine Between us",
        ("katherine",),
    )
    assert post.remote_id in [s.remote_id for s in seen.statuses if not s.is_message]
    assert seen.liked == (theirs,)


def test_login_without_server_or_token_is_told_by_the_first_call(server: MockServer) -> None:
    for broken in (
        replace(login(server.url, "ada"), server=""),
        replace(login(server.url, "ada"), secret={}),
    ):
        with pytest.raises(Exception, match="connect it again"):
            connect(broken).verify()
