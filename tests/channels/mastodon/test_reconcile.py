"""Asking the server whether an unclear act took place: found, certainly not there, or nobody can tell."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from automation.channels.base import Act, Proof, TryLater, Unknown
from automation.channels.mastodon.channel import MastodonChannel
from tests.channels.contract import act
from tests.channels.mastodon.conftest import Line, MockServer, login

pytestmark = pytest.mark.peers


def started(kind: str, seconds_ago: float = 0, **details: str) -> Act:
    return replace(act(kind, **details), started_at=datetime.now(UTC) - timedelta(seconds=seconds_ago))


def proof(channel: MastodonChannel, wanted: Act) -> Proof:
    return channel.reconcile(wanted).proof


def show(server: MockServer, statuses: list[dict[str, Any]]) -> None:
    """Let the server list these as ada's statuses; further pages are empty."""
    path = f"/api/v1/accounts/{server.call('GET', '/api/v1/accounts/verify_credentials', 'ada_token')['id']}/statuses"
    server.fault(path, type="status", status=200, body=statuses, count=1)
    server.fault(path, type="status", status=200, body=[])


@pytest.mark.parametrize("kind", ["post", "reply", "dm"])
def test_answer_lost_after_acting_is_found_and_sent_once(line: Line, server: MockServer, kind: str) -> None:
    line.cut = lambda request, answer: b"" if request.startswith(b"POST") else answer
    channel = MastodonChannel(login(line.url, "ada"))
    post = server.statuses("katherine")[0]["id"]
    handle = "" if kind == "post" else "katherine"
    wanted = started(kind, handle=handle, post_id=post if kind == "reply" else "", text="Good news, everyone")
    method = {"post": channel.publish, "reply": channel.reply, "dm": channel.message}[kind]
    with pytest.raises(Unknown):
        method(wanted)
    finding = channel.reconcile(wanted)
    sent = [status for status in server.statuses("ada") if "Good news" in status["content"]]
    assert finding.proof is Proof.PRESENT
    assert [status["id"] for status in sent] == [finding.done.remote_id]
    assert finding.done.url == sent[0]["url"]


@pytest.mark.parametrize("kind", ["post", "reply", "dm"])
def test_act_that_never_arrived_is_absent(ada: MastodonChannel, server: MockServer, kind: str) -> None:
    """Ada's list shows direct statuses, so it would show this one too."""
    post = server.statuses("katherine")[0]["id"]
    wanted = started(
        kind, handle="katherine", post_id=post if kind == "reply" else "", text="Never sent anywhere"
    )
    assert proof(ada, wanted) is Proof.ABSENT


def test_message_is_not_proved_absent_by_a_list_that_shows_no_direct_ones(katherine: MastodonChannel) -> None:
    assert proof(katherine, started("dm", handle="grace", text="My first message ever")) is Proof.NONE
    katherine.message(act("dm", handle="alan", text="Another one"))
    assert proof(katherine, started("dm", handle="grace", text="My first message ever")) is Proof.ABSENT


def test_same_words_to_somebody_else_are_another_message(ada: MastodonChannel) -> None:
    wanted = started("dm", handle="katherine", text="Shall we talk?")
    ada.message(act("dm", handle="grace", text="Shall we talk?"))
    assert proof(ada, wanted) is Proof.ABSENT


def test_same_words_under_another_post_are_another_reply(ada: MastodonChannel, server: MockServer) -> None:
    wanted = started(
        "reply", handle="katherine", post_id=server.statuses("katherine")[0]["id"], text="Well said"
    )
    ada.reply(act("reply", handle="grace", post_id=server.statuses("grace")[-1]["id"], text="Well said"))
    ada.publish(act("post", text="Well said"))
    assert proof(ada, wanted) is Proof.ABSENT


def test_public_post_of_the_same_words_is_no_message(ada: MastodonChannel) -> None:
    wanted = started("dm", handle="katherine", text="Hello there")
    ada.publish(act("post", text="@katherine Hello there"))
    assert proof(ada, wanted) is Proof.ABSENT


def test_same_words_long_before_rule_nothing_out_and_just_before_are_doubtful(ada: MastodonChannel) -> None:
    ada.publish(act("post", text="Good morning"))
    assert proof(ada, started("post", seconds_ago=-5, text="Good morning")) is Proof.NONE
    assert proof(ada, started("post", seconds_ago=-1000, text="Good morning")) is Proof.ABSENT


def test_without_a_start_there_is_no_proof(ada: MastodonChannel) -> None:
    assert proof(ada, act("post", text="When?")) is Proof.NONE


def test_kind_the_network_does_not_know_is_not_proved(ada: MastodonChannel) -> None:
    assert proof(ada, started("email", text="Hello")) is Proof.NONE


def test_markup_and_links_the_server_changes_are_recognised(ada: MastodonChannel, server: MockServer) -> None:
    text = "**Big** news — `code`, “quotes” & more 🎉"
    wanted = replace(started("post", text=text), link="https://example.org/path?a=1&b=2")
    status = server.call("POST", "/api/v1/statuses", "ada_token", data={"status": "x"})
    html = (
        '<p><strong>Big</strong> news &mdash; <code>code</code>, "quotes" &amp; more 🎉</p><p><a href="https://example.org/path">'
        '<span class="invisible">https://</span><span class="ellipsis">example.org/path?a=1</span>'
        '<span class="invisible">&amp;b=2</span></a></p>'
    )
    show(server, [{**status, "content": html}])
    assert proof(ada, wanted) is Proof.PRESENT


def test_similar_status_is_compared_by_its_source(ada: MastodonChannel, server: MockServer) -> None:
    """A server that rewrites the words shown still tells what was written."""
    wanted = started("post", text="We are hiring engineers in Lisbon this spring")
    data = {"status": "We are hiring engineers in Lisbon this spring"}
    status = server.call("POST", "/api/v1/statuses", "ada_token", data=data)
    rewritten = {**status, "content": "<p>We are hiring engineers in Lisbon this sprg</p>"}
    show(server, [rewritten])
    assert proof(ada, wanted) is Proof.NONE
    server.reset()
    other = server.call(
        "POST",
        "/api/v1/statuses",
        "ada_token",
        data={"status": "We are hiring engineers in Porto this spring"},
    )
    assert other["id"]
    assert proof(ada, replace(wanted, started_at=datetime.now(UTC) - timedelta(seconds=2))) is Proof.ABSENT


def test_times_cut_to_the_second_are_understood(ada: MastodonChannel, server: MockServer) -> None:
    status = server.call("POST", "/api/v1/statuses", "ada_token", data={"status": "On the dot"})
    made = datetime.fromisoformat(status["created_at"])
    show(server, [{**status, "created_at": made.replace(microsecond=0).isoformat()}])
    assert proof(ada, replace(act("post", text="On the dot"), started_at=made)) is Proof.PRESENT


def test_clock_of_the_server_is_allowed_for(line: Line, server: MockServer) -> None:
    """The server's clock is ten minutes slow, as its own Date header says."""
    slow = timedelta(minutes=-10)
    status = server.call("POST", "/api/v1/statuses", "ada_token", data={"status": "Slow clock"})
    made = datetime.fromisoformat(status["created_at"])

    def set_back(request: bytes, answer: bytes) -> bytes:
        date = f"{datetime.now(UTC) + slow:%a, %d %b %Y %H:%M:%S GMT}".encode()
        answer = re.sub(rb"(?m)^(date: )[^\r]*", rb"\1" + date, answer, count=1)
        return answer.replace(status["created_at"].encode(), (made + slow).isoformat().encode())

    line.cut = set_back
    channel = MastodonChannel(login(line.url, "ada"))
    wanted = act("post", text="Slow clock")
    assert proof(channel, replace(wanted, started_at=made - timedelta(seconds=1))) is Proof.PRESENT
    assert proof(channel, replace(wanted, started_at=made + timedelta(seconds=10))) is Proof.NONE


def test_list_that_does_not_reach_back_proves_no_absence(
    ada: MastodonChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automation.channels.mastodon.reconcile.PAGE", 2)
    monkeypatch.setattr("automation.channels.mastodon.reconcile.MAX_PAGES", 2)
    for number in range(6):
        ada.publish(act("post", text=f"Filler {number}"))
    assert proof(ada, started("post", seconds_ago=3600, text="Long ago")) is Proof.NONE


def test_list_is_read_page_by_page(ada: MastodonChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automation.channels.mastodon.reconcile.PAGE", 2)
    wanted = started("post", text="Deep down")
    done = ada.publish(wanted)
    for number in range(5):
        ada.publish(act("post", text=f"Filler {number}"))
    assert ada.reconcile(wanted).done == done


def test_list_of_another_account_is_never_taken_for_ours(server: MockServer, ada: MastodonChannel) -> None:
    katherine = server.call("GET", "/api/v1/accounts/verify_credentials", "katherine_token")["id"]
    wanted = started("post", text="Mine, really")
    ada.publish(wanted)
    mistaken = MastodonChannel(replace(login(server.url, "ada"), remote_id=katherine))
    assert proof(mistaken, wanted) is Proof.PRESENT


def test_relation_the_server_does_not_tell_is_no_proof(ada: MastodonChannel, server: MockServer) -> None:
    server.fault("/api/v1/accounts/relationships", type="status", status=200, body=[])
    assert proof(ada, started("follow", handle="grace")) is Proof.NONE


def test_vanished_targets_are_absent_or_unproved(ada: MastodonChannel) -> None:
    assert proof(ada, started("follow", handle="vanished")) is Proof.ABSENT
    assert proof(ada, started("like", post_id="404")) is Proof.ABSENT
    assert proof(ada, started("dm", handle="vanished", text="Hello")) is Proof.NONE


def test_server_that_cannot_answer_now_is_asked_again(ada: MastodonChannel, server: MockServer) -> None:
    server.fault("/api/v1/accounts/verify_credentials", type="status", status=503)
    with pytest.raises(TryLater):
        ada.reconcile(started("post", text="Hello"))
