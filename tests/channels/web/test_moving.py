"""Answers that send a written form on to another address: it arrives there once, through whichever browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from automation.browser.pool import pool
from automation.channels.base import Login, Proof, Unknown
from automation.channels.web.channel import WebChannel, connect
from tests.channels.web.moving import ME, SITE, Moving, moving
from tests.channels.web.test_failures import begun

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(params=["here", "playwright", "cdp by http"], autouse=True)
def browser_of_it(
    request: pytest.FixtureRequest, addresses: dict[str, Callable[[], str]], settings: Any
) -> Iterator[str]:
    """Ours behind the gate, and browsers elsewhere."""
    settings.BROWSER_URL = "" if request.param == "here" else addresses[request.param]()
    pool().close()
    yield request.param
    pool().close()


@pytest.fixture
def site() -> Iterator[Moving]:
    with moving() as server:
        yield server


@pytest.fixture
def mover(site: Moving, tmp_path: Path, settings: Any) -> Iterator[WebChannel]:
    """The driver of the moving site, for somebody who is always signed in."""
    settings.WEB_SITES_DIR = str(tmp_path)
    (tmp_path / "moving.toml").write_text(SITE)
    opened = connect(Login(1, ME, site.url, "", {"site": "moving"}))
    assert isinstance(opened, WebChannel)
    yield opened
    opened.close()


@pytest.mark.parametrize("status", [307, 308])
def test_form_that_is_sent_on_arrives_once(mover: WebChannel, site: Moving, status: int) -> None:
    site.sends_on = status
    wanted = begun("dm", handle="somebody", text="Where do you live now?")
    mover.message(wanted)
    assert [text for text, _ in site.taken] == [wanted.text]


def test_form_that_is_sent_on_and_gets_no_answer_was_sent_once_and_is_found(
    mover: WebChannel, site: Moving
) -> None:
    """Left to itself, Chromium uses the first answer's connection for the second, and sends that one again when it dies."""
    site.hangs_up = True
    wanted = begun("dm", handle="somebody", text="Are you still there?")
    with pytest.raises(Unknown):
        mover.message(wanted)
    time.sleep(1.0)  # what is repeated is repeated at once
    assert [text for text, _ in site.taken] == [wanted.text]
    assert mover.reconcile(wanted).proof is Proof.PRESENT


def test_form_is_sent_on_to_another_server_only_past_the_gate(
    mover: WebChannel, site: Moving, browser_of_it: str
) -> None:
    """It knows where one may go. Beside a browser elsewhere nobody does: that is unclear, and read back."""
    with moving() as other:
        site.sends_to = f"{other.url}/new"
        wanted = begun("dm", handle="somebody", text="And over there?")
        if browser_of_it == "here":
            mover.message(wanted)
        else:
            with pytest.raises(Unknown):
                mover.message(wanted)
        assert not site.taken
        assert len(other.taken) == (browser_of_it == "here")
