"""Every way a call can fail, and that only Unknown leaves open whether an act took place."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from automation.channels.base import (
    Act,
    AuthFailed,
    ChannelError,
    Image,
    Login,
    NotFound,
    Proof,
    Refused,
    TryLater,
    Unknown,
)
from automation.channels.bluesky.channel import BlueskyChannel
from tests.channels.bluesky.conftest import login
from tests.channels.bluesky.pds import FOLLOW, LIKE, POST, Pds
from tests.channels.contract import act
from tests.channels.mastodon.conftest import free_port

ACTS = ["publish", "reply", "follow", "like"]
WRITES = {"publish": POST, "reply": POST, "follow": FOLLOW, "like": LIKE}
PICTURE = Image(b"\xff\xd8\xff", "image/jpeg", "A cup", 4, 3)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call may take one second, so that running out of time is soon seen."""
    monkeypatch.setattr("automation.channels.bluesky.client.BUDGET_SECONDS", 1.0)
    monkeypatch.setattr("automation.channels.bluesky.client.ACT_SECONDS", 0.1)


def wanted(method: str, theirs: BlueskyChannel) -> Act:
    """Any of the acts, upon grace and a post of hers."""
    post = theirs.publish(act("post", text="Hello all")).remote_id if method in ("reply", "like") else ""
    handle = "" if method == "publish" else "grace.test"
    return act({"publish": "post"}.get(method, method), handle=handle, post_id=post, text="Hello")


def perform(channel: BlueskyChannel, method: str, what: Act) -> Any:
    call: Callable[[Act], Any] = getattr(channel, method)
    return call(what)


def caught(call: Callable[[], object]) -> ChannelError:
    with pytest.raises(ChannelError) as found:
        call()
    assert found.value.__context__ is None  # what lies beneath may quote whole answers
    return found.value


@pytest.mark.parametrize(
    ("status", "name", "message", "error"),
    [
        (400, "InvalidRequest", "Invalid app.bsky.feed.post record", Refused),
        (400, "BlockedActor", "Requester has blocked actor", Refused),
        (400, "InvalidRequest", "Could not find repo", NotFound),
        (400, "RepoDeactivated", "", NotFound),
        (401, "AccountTakedown", "Account has been taken down", AuthFailed),
        (401, "AuthMissing", "Authentication Required", AuthFailed),
        (403, "Forbidden", "No", Refused),
        (404, "", "", NotFound),
        (408, "", "Timeout", Unknown),
        (413, "PayloadTooLarge", "request entity too large", Refused),
        (429, "RateLimitExceeded", "Rate Limit Exceeded", TryLater),
        (500, "InternalServerError", "Internal Server Error", Unknown),
        (502, "UpstreamFailure", "", Unknown),
        (503, "NotEnoughResources", "", Unknown),
        (504, "UpstreamTimeout", "", Unknown),
    ],
)
def test_answer_becomes_the_right_error(
    pds: Pds, ada: BlueskyChannel, status: int, name: str, message: str, error: type[ChannelError]
) -> None:
    pds.fail("createRecord", status=status, body={"error": name, "message": message})
    assert type(caught(lambda: ada.publish(act("post", text="Hello")))) is error
    assert pds.of("ada.test", POST) == []


@pytest.mark.parametrize("method", ACTS)
@pytest.mark.parametrize("fault", [{"cut": 0}, {"cut": 9}, {"status": 500}, {"status": 200, "body": {}}, {}])
def test_lost_answer_is_unknown_and_proved_done(
    pds: Pds, ada: BlueskyChannel, grace: BlueskyChannel, method: str, fault: dict[str, Any]
) -> None:
    what = wanted(method, grace)
    assert ada.reconcile(what).proof is Proof.ABSENT
    pds.fail("createRecord", after=True, times=1, **fault)
    assert type(caught(lambda: perform(ada, method, what))) is Unknown
    assert len(pds.of("ada.test", WRITES[method])) == 1
    assert ada.reconcile(what).proof is Proof.PRESENT


@pytest.mark.parametrize("method", ACTS)
def test_request_that_never_arrived_is_unknown_and_proved_absent(
    pds: Pds, ada: BlueskyChannel, grace: BlueskyChannel, method: str
) -> None:
    what = wanted(method, grace)
    pds.fail("createRecord", times=1)
    assert type(caught(lambda: perform(ada, method, what))) is Unknown
    assert ada.reconcile(what).proof is Proof.ABSENT
    perform(ada, method, what)
    assert ada.reconcile(what).proof is Proof.PRESENT


def test_the_same_act_again_never_writes_twice(pds: Pds, ada: BlueskyChannel, grace: BlueskyChannel) -> None:
    for method in ACTS:
        what = wanted(method, grace)
        before = len(pds.of("ada.test", WRITES[method]))
        perform(ada, method, what)
        try:
            perform(ada, method, what)
        except Unknown:
            assert ada.reconcile(what).proof is Proof.PRESENT
        assert len(pds.of("ada.test", WRITES[method])) == before + 1


def test_server_that_is_not_there_is_tried_later() -> None:
    gone = Login(1, "ada.test", f"http://127.0.0.1:{free_port()}", secret={"app_password": "p"})
    assert type(caught(lambda: BlueskyChannel(gone).publish(act("post", text="x")))) is TryLater


@pytest.mark.parametrize("after", [False, True])
def test_black_hole_ends_within_the_deadline(
    pds: Pds, ada: BlueskyChannel, hurried: None, after: bool
) -> None:
    ada.verify()
    pds.fail("createRecord", hang=3.0, after=after, cut=0)
    began = time.monotonic()
    assert type(caught(lambda: ada.publish(act("post", text="x")))) is Unknown
    assert time.monotonic() - began < 1.5


def test_slow_preparation_sends_nothing(pds: Pds, ada: BlueskyChannel, hurried: None) -> None:
    ada.verify()
    pds.fail("uploadBlob", hang=3.0, cut=0)
    what = Act("post", act("post").send_id, text="x", images=(PICTURE,))
    assert type(caught(lambda: ada.publish(what))) is TryLater
    assert pds.calls["com.atproto.repo.createRecord"] == 0


@pytest.mark.parametrize("by_date", [False, True])
@pytest.mark.parametrize("name", ["createRecord", "getProfile", "createSession"])
def test_slow_down_says_how_long(pds: Pds, ada: BlueskyChannel, by_date: bool, name: str) -> None:
    until = datetime.now(UTC) + timedelta(seconds=90)
    after = format_datetime(until, usegmt=True) if by_date else "90"
    headers = {"Retry-After": after, "Date": format_datetime(datetime.now(UTC), usegmt=True)}
    pds.fail(name, status=429, body={"error": "RateLimitExceeded"}, headers=headers)
    error = caught(lambda: ada.follow(act("follow", handle="ada.test")))
    assert isinstance(error, TryLater)
    assert error.rate_limited
    assert error.retry_after == pytest.approx(90, abs=2)


def test_reset_time_of_the_limit_is_obeyed(pds: Pds, ada: BlueskyChannel) -> None:
    headers = {"RateLimit-Reset": str(int(time.time()) + 290), "RateLimit-Remaining": "0"}
    pds.fail("createRecord", status=429, headers=headers)
    error = caught(lambda: ada.publish(act("post", text="x")))
    assert isinstance(error, TryLater)
    assert error.retry_after is not None
    assert 289 <= error.retry_after <= 292


def test_wrong_password_is_told_without_it(pds: Pds, ada: BlueskyChannel) -> None:
    pds.fail(
        "createSession",
        status=401,
        body={"error": "AuthenticationRequired", "message": "canary-word is wrong"},
    )
    channel = BlueskyChannel(Login(1, "ada.test", pds.url, secret={"app_password": "canary-word"}))
    error = caught(channel.verify)
    assert isinstance(error, AuthFailed)
    assert "canary-word" not in str(error)


def test_tokens_are_in_no_message_and_no_repr(pds: Pds) -> None:
    ours = login(pds, "ada")
    channel = BlueskyChannel(ours)
    channel.verify()
    echoed = " ".join(pds.tokens)
    pds.fail("createRecord", status=400, body={"error": "InvalidRequest", "message": echoed})
    error = caught(lambda: channel.publish(act("post", text="x")))
    access = next(token for token, (kind, _) in pds.tokens.items() if kind == "access")
    assert access not in f"{error} {channel!r} {channel._client.session!r} {ours!r}"


def test_half_a_list_is_tried_later(pds: Pds, ada: BlueskyChannel) -> None:
    pds.fail("getProfile", after=True, cut=20)
    assert type(caught(lambda: ada.profile("ada.test"))) is TryLater


def test_picture_and_its_words_are_posted(pds: Pds, ada: BlueskyChannel) -> None:
    ada.publish(Act("post", act("post").send_id, text="Look", images=(PICTURE,)))
    embed = pds.of("ada.test", POST)[0]["embed"]
    assert [image["alt"] for image in embed["images"]] == ["A cup"]
    assert embed["images"][0]["aspectRatio"]["width"] == 4
    assert embed["images"][0]["image"]["ref"]["$link"].startswith("bafk")


def test_links_mentions_and_tags_lead_somewhere(pds: Pds, ada: BlueskyChannel, grace: BlueskyChannel) -> None:
    text = "Héllo @grace.test and @nobody.test, see https://example.org/x #tea"
    ada.publish(act("post", text=text, link="https://example.com/a/very/long/path/that/goes/on?q=1"))
    post = pds.of("ada.test", POST)[0]
    found = {}
    for facet in post["facets"]:
        part = post["text"].encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        feature = facet["features"][0]
        found[part] = feature.get("did") or feature.get("uri") or feature.get("tag")
    assert found == {
        "@grace.test": pds.people["grace.test"],
        "https://example.org/x": "https://example.org/x",
        "#tea": "tea",
        "example.com/a/very/long/path/that/g…": "https://example.com/a/very/long/path/that/goes/on?q=1",
    }
