"""Every way a call can fail, and that only Unknown leaves open whether an act took place."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from mastodon import Mastodon

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.mastodon.channel import MastodonChannel
from tests.channels.contract import act
from tests.channels.mastodon.conftest import Line, MockServer, free_port, login

pytestmark = pytest.mark.peers

ACTS = ["publish", "reply", "message", "follow", "unfollow", "like"]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call may take one second, so that running out of time is soon seen."""
    monkeypatch.setattr("automation.channels.mastodon.client.BUDGET_SECONDS", 1.0)
    monkeypatch.setattr("automation.channels.mastodon.client.ACT_SECONDS", 0.1)


def perform(channel: MastodonChannel, server: MockServer, method: str) -> object:
    """Any of the acts, upon grace and her first post."""
    post = server.statuses("grace")[-1]["id"] if method in ("reply", "like") else ""
    kinds = {"publish": "post", "message": "dm"}
    wanted = act(
        kinds.get(method, method), handle="" if method == "publish" else "grace", post_id=post, text="Hello"
    )
    call: Callable[..., object] = getattr(channel, method)
    return call(wanted)


def fail_acts(server: MockServer, **effect: object) -> None:
    for path in (
        "/api/v1/statuses",
        "/api/v1/statuses/*/favourite",
        "/api/v1/accounts/*/follow",
        "/api/v1/accounts/*/unfollow",
    ):
        server.fault(path, methods=["POST"], **effect)  # type: ignore[arg-type]


def caught(call: Callable[[], object]) -> ChannelError:
    with pytest.raises(ChannelError) as found:
        call()
    assert found.value.__context__ is None  # Mastodon.py's messages quote whole answers
    return found.value


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "Malformed"}, Refused),
        (401, {"error": "The access token was revoked"}, AuthFailed),
        (403, {"error": "This action is not allowed"}, Refused),
        (403, {"error": "This action is outside the authorized scopes"}, AuthFailed),
        (403, {"error": "Your login is currently disabled"}, AuthFailed),
        (404, {"error": "Record not found"}, NotFound),
        (408, {"error": "Timeout"}, Unknown),
        (410, {"error": "Gone"}, NotFound),
        (422, {"error": "Validation failed: Text is too long"}, Refused),
        (422, {"error": "This method requires an authenticated user"}, AuthFailed),
        (429, {"error": "Too many requests"}, TryLater),
        (500, {"error": "Oops"}, Unknown),
        (502, None, Unknown),
        (503, {"error": "Busy"}, Unknown),
        (504, "nonsense", Unknown),
        (520, {"error": "Cloud"}, Unknown),
    ],
)
def test_answers_to_a_post(
    ada: MastodonChannel, server: MockServer, status: int, body: object, error: type[ChannelError]
) -> None:
    fail_acts(server, type="status", status=status, body=body)
    problem = caught(lambda: perform(ada, server, "publish"))
    assert type(problem) is error
    if isinstance(body, dict) and status == 422:
        assert body["error"] in str(problem)


@pytest.mark.parametrize("method", ACTS)
@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFound), (422, Refused), (429, TryLater), (503, Unknown)]
)
def test_answers_to_every_act(
    ada: MastodonChannel, server: MockServer, method: str, status: int, error: type[ChannelError]
) -> None:
    fail_acts(server, type="status", status=status)
    assert type(caught(lambda: perform(ada, server, method))) is error


@pytest.mark.parametrize("method", ACTS)
def test_success_that_is_no_json_leaves_an_act_unclear(
    ada: MastodonChannel, server: MockServer, method: str
) -> None:
    fail_acts(server, type="malformed")
    assert type(caught(lambda: perform(ada, server, method))) is Unknown


@pytest.mark.parametrize(
    ("method", "body"),
    [(method, {}) for method in ACTS] + [("publish", body) for body in ([], "posted", 7, {"id": None})],
)
def test_success_that_says_something_else_leaves_an_act_unclear(
    ada: MastodonChannel, server: MockServer, method: str, body: object
) -> None:
    fail_acts(server, type="status", status=200, body=body)
    assert type(caught(lambda: perform(ada, server, method))) is Unknown


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthFailed),
        (403, Refused),
        (404, NotFound),
        (422, Refused),
        (429, TryLater),
        (500, TryLater),
        (503, TryLater),
    ],
)
def test_answers_to_reads(
    ada: MastodonChannel, server: MockServer, status: int, error: type[ChannelError]
) -> None:
    server.fault("/api/v1/accounts/verify_credentials", type="status", status=status)
    assert type(caught(ada.verify)) is error


@pytest.mark.parametrize("body", [{}, [], "hello"])
def test_reads_try_later_when_the_answer_makes_no_sense(
    ada: MastodonChannel, server: MockServer, body: object
) -> None:
    server.fault("/api/v1/accounts/verify_credentials", type="status", status=200, body=body)
    assert type(caught(ada.verify)) is TryLater
    server.fault("/api/v1/notifications", type="malformed")
    assert type(caught(lambda: ada.inbox(""))) is TryLater


def test_failure_of_a_read_before_the_act_promises_that_nothing_was_sent(
    ada: MastodonChannel, server: MockServer
) -> None:
    server.fault("/api/v1/accounts/lookup", type="status", status=500)
    before = len(server.statuses("ada"))
    assert type(caught(lambda: perform(ada, server, "message"))) is TryLater
    assert len(server.statuses("ada")) == before


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "date"}, 30, 33),
        ({"X-RateLimit-Reset": "epoch"}, 30, 33),
        ({"X-RateLimit-Reset": "iso"}, 30, 33),
        ({"X-RateLimit-Reset": "iso", "Retry-After": "90"}, 90, 90),
        ({"X-RateLimit-Reset": "soonish", "X-RateLimit-Remaining": "few"}, None, None),
        ({}, None, None),
    ],
)
def test_slow_down_says_for_how_long(
    ada: MastodonChannel, server: MockServer, headers: dict[str, str], least: float | None, most: float | None
) -> None:
    then = _in(30)
    forms = {
        "date": format_datetime(then, usegmt=True),
        "epoch": str(int(then.timestamp()) + 1),
        "iso": then.isoformat(),
    }
    sent = {name: forms.get(value, value) for name, value in headers.items()}
    fail_acts(server, type="status", status=429, headers=sent)
    problem = caught(lambda: perform(ada, server, "publish"))
    assert isinstance(problem, TryLater)
    assert problem.rate_limited
    if least is None or most is None:
        assert problem.retry_after is None
    else:
        assert problem.retry_after is not None
        assert least - 1 <= problem.retry_after <= most
        if "Reset" in "".join(headers) and "Retry-After" not in headers:
            assert datetime.now(UTC) + timedelta(seconds=problem.retry_after) >= then


def test_odd_rate_limit_headers_do_not_spoil_a_success(ada: MastodonChannel, server: MockServer) -> None:
    status = server.call("POST", "/api/v1/statuses", "ada_token", data={"status": "Fine"})
    odd = {"X-RateLimit-Reset": "in a while", "X-RateLimit-Remaining": "many"}
    server.fault("/api/v1/statuses", methods=["POST"], type="status", status=200, body=status, headers=odd)
    assert ada.publish(act("post", text="Fine")).remote_id == status["id"]


@pytest.mark.parametrize("method", ACTS)
def test_nobody_listening_means_not_sent(server: MockServer, method: str) -> None:
    channel = MastodonChannel(login(f"http://127.0.0.1:{free_port()}", "ada"))
    assert type(caught(lambda: perform(channel, server, method))) is TryLater


def test_name_that_does_not_resolve_means_not_sent(server: MockServer) -> None:
    channel = MastodonChannel(login("http://nowhere.invalid", "ada"))
    assert type(caught(lambda: perform(channel, server, "publish"))) is TryLater


def test_address_inside_a_private_network_is_not_called(server: MockServer, settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    server.statuses("ada")
    channel = MastodonChannel(login(f"http://127.0.0.1:{free_port()}", "ada"))
    for call in (channel.verify, lambda: perform(channel, server, "publish")):
        problem = caught(call)
        assert type(problem) is AuthFailed
        assert "private network" in str(problem)


@pytest.mark.parametrize("method", ACTS)
@pytest.mark.parametrize("kept", [0, 20, -10])
def test_answer_lost_after_acting_is_unknown(line: Line, server: MockServer, method: str, kept: int) -> None:
    """No byte of the answer, a piece of its head, all but the end of its body."""
    line.cut = lambda request, answer: (
        answer[: kept or None] * bool(kept) if request.startswith(b"POST") else answer
    )
    channel = MastodonChannel(login(line.url, "ada"))
    assert type(caught(lambda: perform(channel, server, method))) is Unknown


@pytest.mark.parametrize("kept", [0, 20, -10])
def test_answer_lost_to_a_read_is_tried_later(line: Line, kept: int) -> None:
    line.cut = lambda request, answer: answer[: kept or None] * bool(kept)
    assert type(caught(MastodonChannel(login(line.url, "ada")).verify)) is TryLater


def test_silence_ends_within_the_deadline(ada: MastodonChannel, server: MockServer, hurried: None) -> None:
    server.fault("/api/v1/statuses", methods=["POST"], type="timeout")
    server.fault("/api/v1/accounts/verify_credentials", type="timeout")
    began = time.monotonic()
    assert type(caught(lambda: perform(ada, server, "publish"))) is Unknown
    assert type(caught(ada.verify)) is TryLater
    assert time.monotonic() - began < 4


def test_act_is_not_begun_when_its_time_is_spent(
    ada: MastodonChannel, server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automation.channels.mastodon.client.BUDGET_SECONDS", 2.0)
    ada.verify()
    before = len(server.statuses("ada"))
    assert type(caught(lambda: perform(ada, server, "message"))) is TryLater
    assert len(server.statuses("ada")) == before


def test_redirect_of_an_act_is_not_followed(ada: MastodonChannel, server: MockServer) -> None:
    fail_acts(
        server,
        type="status",
        status=301,
        headers={"Location": "https://elsewhere.example/api/v1/statuses?a=1"},
    )
    problem = caught(lambda: perform(ada, server, "publish"))
    assert type(problem) is AuthFailed
    assert "https://elsewhere.example/api/v1/statuses;" in str(problem)


def test_redirect_of_a_read_is_followed_within_its_host_only(
    ada: MastodonChannel, server: MockServer
) -> None:
    path = "/api/v1/accounts/verify_credentials"
    server.fault(path, type="status", status=307, headers={"Location": f"{path}?again=1"}, count=1)
    assert ada.verify().handle == "ada"
    server.fault(path, type="status", status=302, headers={"Location": "https://elsewhere.example/"})
    assert type(caught(ada.verify)) is AuthFailed


def test_every_call_fits_the_real_client() -> None:
    """The keywords this channel uses, bound to Mastodon.py's own signatures."""
    calls: list[tuple[str, tuple[object, ...], dict[str, object]]] = [
        ("status_post", ("text",), {"idempotency_key": "k", "in_reply_to_id": "1", "visibility": "direct"}),
        ("account_search", ("words",), {"limit": 5, "resolve": True, "offset": 40}),
        (
            "account_statuses",
            ("1",),
            {"exclude_replies": True, "exclude_reblogs": True, "limit": 5, "max_id": "2"},
        ),
        ("timeline_hashtag", ("tag",), {"max_id": "2", "limit": 5}),
        ("account_followers", ("1",), {"max_id": "2", "limit": 5}),
        ("account_following", ("1",), {"max_id": "2", "limit": 5}),
        ("favourites", (), {"max_id": "2", "limit": 5}),
        ("notifications", (), {"types": ["mention"], "min_id": "0", "limit": 5}),
        ("account_relationships", (["1"],), {}),
        ("statuses", (["1"],), {}),
    ]
    for name, positional, keywords in calls:
        inspect.signature(getattr(Mastodon, name)).bind(None, *positional, **keywords)
