"""What goes wrong between a button and its answer, judged by the network's own ledger."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from automation.browser import endpoint
from automation.browser.endpoint import DEGRADED, ServerState
from automation.channels.base import (
    Act,
    AuthFailed,
    Image,
    Login,
    NotCalled,
    NotFound,
    Proof,
    Refused,
    TryLater,
    Unknown,
)
from automation.channels.evidence import Evidence
from automation.channels.sandbox.control import Control, OwnAccount
from automation.channels.web.channel import WebChannel, connect
from tests.channels.contract import act
from tests.channels.web.conftest import MemoryDesk, login_of

Kept = dict[UUID, list[Evidence]]


@pytest.fixture
def them(fresh_account: Callable[[], OwnAccount]) -> OwnAccount:
    return fresh_account()


def taken(control: Control, wanted: Act) -> int:
    """How often the network took an act with this text."""
    return sum(one.text == wanted.text for one in control.ledger())


def begun(kind: str, **details: str) -> Act:
    return replace(act(kind, **details), started_at=datetime.now(UTC))


def quick(channel: WebChannel, seconds: float = 8.0) -> WebChannel:
    """The same channel with less patience, so that what hangs is soon given up."""
    channel.deadline = seconds
    return channel


@pytest.mark.parametrize("fault", ["drop", "truncate", "error_after"])
def test_lost_answer_is_unknown_sent_once_and_found_again(
    channel: WebChannel, control: Control, them: OwnAccount, fault: str
) -> None:
    """Left to itself, Chromium sends a request again when a connection it used before dies without an answer."""
    wanted = begun("dm", handle=them.handle, text=f"Did this arrive? {fault}")
    channel.verify()
    control.fault(fault, kind="dm")
    with pytest.raises(Unknown):
        quick(channel).message(wanted)
    assert taken(control, wanted) == 1
    found = channel.reconcile(wanted)
    assert (found.proof, found.done.remote_id) == (Proof.PRESENT, control.ledger()[-1].remote_id)


def test_request_that_never_arrived_is_proved_absent(
    channel: WebChannel, control: Control, them: OwnAccount
) -> None:
    wanted = begun("dm", handle=them.handle, text="Never got through")
    control.fault("error", kind="dm", count=1, status=502, honest=False)
    with pytest.raises(Unknown):
        channel.message(wanted)
    assert taken(control, wanted) == 0
    assert channel.reconcile(wanted).proof is Proof.ABSENT


def test_answer_that_hangs_is_unknown_within_the_deadline(
    channel: WebChannel, control: Control, them: OwnAccount
) -> None:
    channel.verify()
    wanted = begun("dm", handle=them.handle, text="Hanging")
    control.fault("black_hole", kind="dm", count=1)
    with pytest.raises(Unknown):
        quick(channel).message(wanted)
    assert taken(control, wanted) == 0


def test_page_that_hangs_is_tried_later(channel: WebChannel, control: Control, them: OwnAccount) -> None:
    channel.verify()
    control.fault("black_hole", kind="fetch_profile", count=1)
    with pytest.raises(TryLater):
        quick(channel).message(begun("dm", handle=them.handle, text="The page hangs"))
    assert not [one for one in control.ledger() if one.text == "The page hangs"]


def test_slow_down_says_how_long(channel: WebChannel, control: Control, them: OwnAccount) -> None:
    control.fault("rate_limit", kind="dm", count=1, retry_after=7)
    with pytest.raises(TryLater) as caught:
        channel.message(begun("dm", handle=them.handle, text="Too fast"))
    assert (caught.value.rate_limited, caught.value.retry_after) == (True, 7.0)


def test_no_of_the_site_is_refused_in_its_words_with_a_picture_and_a_trace(
    channel: WebChannel, control: Control, kept: Kept
) -> None:
    closed = next(one for one in control.people() if one.temper == "closed")
    wanted = begun("dm", handle=closed.handle, text="Hello, stranger")
    with pytest.raises(Refused, match="takes no messages from strangers"):
        channel.message(wanted)
    assert {one.name for one in kept[wanted.send_id]} == {"page.png", "trace.zip"}
    assert "strangers" in kept[wanted.send_id][0].note


def test_done_act_keeps_a_picture_and_no_trace(channel: WebChannel, them: OwnAccount, kept: Kept) -> None:
    wanted = begun("follow", handle=them.handle)
    channel.follow(wanted)
    assert [(one.name, one.note) for one in kept[wanted.send_id]] == [("page.png", "")]


def test_password_is_in_no_proof(channel: WebChannel, login: Login, control: Control, kept: Kept) -> None:
    closed = next(one for one in control.people() if one.temper == "closed")
    wanted = begun("dm", handle=closed.handle, text="First act, so it signs in")
    with pytest.raises(Refused):
        channel.message(wanted)
    trace = next(one.content for one in kept[wanted.send_id] if one.name == "trace.zip")
    with zipfile.ZipFile(io.BytesIO(trace)) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"First act" in whole
    assert login.secret["password"].encode() not in whole


def test_following_whom_we_follow_presses_nothing(
    channel: WebChannel, control: Control, them: OwnAccount
) -> None:
    channel.follow(begun("follow", handle=them.handle))
    before = control.summary().total
    channel.follow(begun("follow", handle=them.handle))
    assert control.summary().total == before


# --- Sessions --------------------------------------------------------------------------------------------------------
def test_ended_session_is_renewed_with_the_password(
    channel: WebChannel, control: Control, login: Login, them: OwnAccount
) -> None:
    channel.verify()
    control.sign_out(login.handle)
    wanted = begun("dm", handle=them.handle, text="After the session ended")
    assert channel.message(wanted).remote_id
    assert taken(control, wanted) == 1


def test_ended_session_without_a_password_needs_a_login(
    channel: WebChannel, control: Control, login: Login, them: OwnAccount, desk: MemoryDesk
) -> None:
    channel.verify()
    by_hand = connect(replace(login, secret={"site": "sandbox"}))
    assert by_hand.verify().handle == login.handle
    control.sign_out(login.handle)
    wanted = begun("dm", handle=them.handle, text="Signed out")
    with pytest.raises(AuthFailed, match=f"manage.py login {login.account_id}"):
        by_hand.message(wanted)
    assert taken(control, wanted) == 0


def test_session_of_somebody_else_does_nothing(
    channel: WebChannel, control: Control, login: Login, them: OwnAccount, desk: MemoryDesk
) -> None:
    other = login_of(them, control)
    connect(other).verify()
    desk.states[login.account_id] = desk.states[other.account_id]
    before = control.summary().total
    with pytest.raises(AuthFailed, match=them.handle):
        channel.publish(begun("post", text="Not mine to say"))
    assert control.summary().total == before


# --- Around it --------------------------------------------------------------------------------------------------------
def test_no_browser_means_not_called(channel: WebChannel, them: OwnAccount) -> None:
    running = endpoint.read()
    assert running
    endpoint.write(ServerState(DEGRADED, reason="it will not start"))
    try:
        with pytest.raises(NotCalled, match="it will not start"):
            channel.follow(begun("follow", handle=them.handle))
    finally:
        endpoint.write(running)


def test_pictures_are_refused_before_anything_is_opened(channel: WebChannel) -> None:
    picture = Image(b"x", "image/png", "A dot", 1, 1)
    with pytest.raises(Refused, match="texts and links only"):
        channel.publish(replace(begun("post", text="Look"), images=(picture,)))


def test_handle_that_is_no_part_of_an_address_is_not_found(channel: WebChannel) -> None:
    for handle in ("", "..", "."):
        with pytest.raises(NotFound):
            channel.profile(handle)


def test_server_without_a_site_file_says_which_there_are(login: Login) -> None:
    with pytest.raises(AuthFailed, match="sandbox"):
        connect(replace(login, server="https://unknown.example"))
    with pytest.raises(AuthFailed, match='"nowhere"'):
        connect(replace(login, secret={"site": "nowhere"}))
    with pytest.raises(Refused, match="address like"):
        connect(replace(login, server="javascript:alert(1)"))
