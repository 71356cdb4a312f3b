"""A browser elsewhere, by either protocol: its connections are not ours, and still nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from automation.browser.pool import pool
from automation.channels.base import Login, NotCalled, Proof, Refused, Unknown
from automation.channels.sandbox.control import Control, OwnAccount
from automation.channels.web.channel import WebChannel
from tests.channels.contract import act
from tests.channels.web.test_failures import begun, quick, taken

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def them(fresh_account: Callable[[], OwnAccount]) -> OwnAccount:
    return fresh_account()


@pytest.fixture(params=["playwright", "cdp by http", "cdp by ws"], autouse=True)
def elsewhere(
    request: pytest.FixtureRequest, addresses: dict[str, Callable[[], str]], settings: Any
) -> Iterator[str]:
    """``BROWSER_URL`` names it; nothing of this machine is known to serve it."""
    address = addresses[request.param]()
    settings.BROWSER_URL = address
    pool().close()
    yield address
    pool().close()


def test_signs_in_acts_and_reads_back(
    channel: WebChannel, control: Control, login: Login, them: OwnAccount
) -> None:
    assert channel.verify().handle
    wanted = begun("dm", handle=them.handle, text=f"From elsewhere to {them.handle}")
    done = channel.message(wanted)
    assert done.url.startswith(control.url)
    assert taken(control, wanted) == 1
    found = channel.reconcile(wanted)
    assert (found.proof, found.done.remote_id) == (Proof.PRESENT, control.ledger()[-1].remote_id)
    channel.follow(begun("follow", handle=them.handle))
    assert [one.kind for one in control.ledger() if one.account == login.handle] == ["dm", "follow"]


@pytest.mark.parametrize("fault", ["drop", "truncate", "error_after"])
def test_lost_answer_is_unknown_and_sent_once(
    channel: WebChannel, control: Control, them: OwnAccount, fault: str, elsewhere: str
) -> None:
    wanted = begun("dm", handle=them.handle, text=f"Did this arrive? {fault} {elsewhere}")
    channel.verify()
    control.fault(fault, kind="dm")
    with pytest.raises(Unknown):
        quick(channel).message(wanted)
    assert taken(control, wanted) == 1


def test_no_of_the_site_is_refused_in_its_words(channel: WebChannel, control: Control) -> None:
    closed = next(one for one in control.people() if one.temper == "closed")
    with pytest.raises(Refused, match="takes no messages from strangers"):
        channel.message(begun("dm", handle=closed.handle, text="Hello, stranger"))


def test_browser_that_is_not_there_costs_nothing_and_is_named(
    channel: WebChannel, control: Control, them: OwnAccount, settings: Any, elsewhere: str
) -> None:
    settings.BROWSER_URL = elsewhere.replace("127.0.0.1", "127.0.0.9")
    pool().close()
    wanted = act("dm", handle=them.handle, text=f"Nobody there {datetime.now(UTC)}")
    with pytest.raises(NotCalled):
        quick(channel).message(wanted)
    assert taken(control, wanted) == 0
