"""Signing in by hand: on the streamed page, where a second browser clicks and types as a person would, and at a window."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from automation.browser import chromium
from automation.channels.base import Login
from automation.channels.sandbox.control import Control, OwnAccount
from automation.channels.web import login as by_hand
from automation.channels.web.channel import connect
from tests.channels.web.conftest import MemoryDesk, login_of
from tests.channels.web.operator import Operator
from tests.conftest import BrowserThread


class Signing:
    """A run of ``sign_in`` in a thread of its own; ``address`` is what it tells the person to open."""

    def __init__(self, login: Login, program: Path, seconds: float = 60.0) -> None:
        self.said: list[str] = []
        self.state: Any = None
        self.error: Exception | None = None
        self._heard = threading.Event()
        options = by_hand.Options(program, self._say, headed=False, seconds=seconds)
        self._thread = threading.Thread(target=self._run, args=(login, options))
        self._thread.start()

    def _say(self, line: str) -> None:
        self.said.append(line)
        self._heard.set()

    def _run(self, login: Login, options: by_hand.Options) -> None:
        try:
            self.state = by_hand.sign_in(login, options)
        except (by_hand.GivenUp, ValueError) as error:
            self.error = error
        self._heard.set()

    @property
    def address(self) -> str:
        assert self._heard.wait(30)
        found = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", self.said[0])
        assert found
        return found[0]

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def finish(self) -> Any:
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.state


@pytest.fixture
def signing(
    control: Control, fresh_account: Callable[[], OwnAccount], chromium_path: Path
) -> Iterator[Callable[..., tuple[OwnAccount, Signing]]]:
    started: list[Signing] = []

    def start(**options: Any) -> tuple[OwnAccount, Signing]:
        account = fresh_account()
        login = login_of(account, control, site="sandbox")
        started.append(Signing(login, chromium_path, **options))
        return account, started[-1]

    yield start
    for one in started:
        one.finish()


def sign_in_by_mouse(page: Page, run: Signing, login_page: str, words: dict[str, str]) -> None:
    """Where the fields are is looked up in a window of the same size; the rest is what a person's hands do."""
    helper = page.context.new_page()
    helper.set_viewport_size({"width": 1280, "height": 800})
    helper.goto(login_page)
    places = {label: helper.get_by_label(label).bounding_box() for label in words}
    helper.close()
    page.goto(run.address)
    expect(page).to_have_url(re.compile(r"/$"))
    screen = page.locator("#screen")
    page.wait_for_function("document.getElementById('screen').naturalWidth > 0")
    box = screen.bounding_box()
    assert box
    scale = box["width"] / 1280
    for label, place in places.items():
        assert place
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        page.mouse.click(box["x"] + x * scale, box["y"] + y * scale)
        page.keyboard.type(words[label])
    page.keyboard.press("Enter")
    for _ in range(300):
        if run.is_over:
            return
        page.wait_for_timeout(100)


def test_person_signs_in_on_the_streamed_page_and_the_session_works(
    signing: Callable[..., tuple[OwnAccount, Signing]],
    browser: BrowserThread,
    control: Control,
    desk: MemoryDesk,
) -> None:
    account, run = signing()
    words = {"Handle": account.handle, "Password": account.password}
    browser.run(
        lambda page: sign_in_by_mouse(page, run, f"{control.url}/login", words),
        viewport={"width": 1400, "height": 1000},
    )
    state = run.finish()
    assert state["cookies"]
    login = login_of(account, control, site="sandbox")
    desk.states[login.account_id] = state
    channel = connect(login)
    assert channel.verify().handle == account.handle
    channel.close()


def test_address_opens_once_and_input_needs_it(signing: Callable[..., tuple[OwnAccount, Signing]]) -> None:
    _, run = signing(seconds=4.0)
    address = run.address
    base = address.partition("/?")[0]
    with httpx.Client(trust_env=False) as first, httpx.Client(trust_env=False) as second:
        assert second.get(base).status_code == 403
        assert second.get(f"{base}/frames").status_code == 403
        assert first.get(address).status_code == 303
        page = first.get(base)
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert second.get(address).status_code == 403
        click = {"kind": "click", "x": 0.5, "y": 0.5}
        own = {"Origin": base}
        assert second.post(f"{base}/input", json=click, headers=own).status_code == 403
        foreign = {"Origin": "https://evil.example"}
        assert first.post(f"{base}/input", json=click, headers=foreign).status_code == 403
        assert first.post(f"{base}/input", json=click, headers=own).status_code == 204
        for wrong in ({"kind": "key", "key": "F12"}, {"kind": "click", "x": 7, "y": 0}, {"kind": "eval"}, []):
            assert first.post(f"{base}/input", json=wrong, headers=own).status_code == 400
        assert first.get(base, headers={"Host": "evil.example"}).status_code == 400
    run.finish()
    assert "Nobody signed in" in str(run.error)


def test_thread_is_free_for_the_database_afterwards(
    signing: Callable[..., tuple[OwnAccount, Signing]], chromium_path: Path, control: Control
) -> None:
    login = Login(1, "nobody", "http://127.0.0.1:9", "", {"site": "sandbox"})
    with pytest.raises(by_hand.GivenUp, match="cannot be opened"):
        by_hand.sign_in(login, by_hand.Options(chromium_path, print, headed=False, seconds=5))
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


# --- A real window ---------------------------------------------------------------------------------------------------
def test_window_without_a_chromium_that_has_one_says_what_to_install(
    chromium_path: Path, login: Login
) -> None:
    options = by_hand.Options(chromium_path, print, headed=True, seconds=5, windowed=None)
    with pytest.raises(by_hand.GivenUp, match=r"apt-get install chromium.*--page"):
        by_hand.sign_in(login, options)


@pytest.fixture
def windowed(chromium_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A screen nobody looks at and the Chromium that opens windows on it; where there is none the headless one, which
    does as it is told when it is asked for a window.
    """
    program, server = chromium.find(windowed=True), shutil.which("Xvfb")
    if program is None or server is None:
        monkeypatch.setenv("DISPLAY", ":0")
        yield chromium_path
        return
    reads, writes = os.pipe()
    with subprocess.Popen(
        [server, "-displayfd", str(writes), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"],
        pass_fds=[writes], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        os.close(writes)
        with open(reads) as said:
            monkeypatch.setenv("DISPLAY", f":{said.readline().strip()}")
        yield program
        process.terminate()


def test_window_opens_where_there_is_a_display_and_closes_unused(
    chromium_path: Path, login: Login, windowed: Path
) -> None:
    said: list[str] = []
    options = by_hand.Options(chromium_path, said.append, seconds=3, windowed=windowed)
    with pytest.raises(by_hand.GivenUp, match="Nobody signed in"):
        by_hand.sign_in(login, options)
    assert said == ["Sign in in the window that has opened. It closes by itself."]


def test_person_signs_in_at_the_window_and_the_session_works(
    chromium_path: Path, windowed: Path, fresh_account: Callable[[], OwnAccount], control: Control,
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    account = fresh_account()
    login = login_of(account, control, site="sandbox")
    options = by_hand.Options(chromium_path, print, seconds=60, windowed=windowed)
    with Operator(monkeypatch, account.handle, account.password):
        state = by_hand.sign_in(login, options)
    desk.states[login.account_id] = state
    channel = connect(login)
    assert channel.verify().handle == account.handle
    channel.close()


def test_window_in_which_somebody_else_signs_in_stays_open_and_says_whom_it_waits_for(
    chromium_path: Path, windowed: Path, fresh_account: Callable[[], OwnAccount], control: Control,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    wanted, other = fresh_account(), fresh_account()
    said: list[str] = []
    options = by_hand.Options(chromium_path, said.append, seconds=8, windowed=windowed)
    with (
        pytest.raises(by_hand.GivenUp, match="Nobody signed in"),
        Operator(monkeypatch, other.handle, other.password),
    ):
        by_hand.sign_in(login_of(wanted, control, site="sandbox"), options)
    assert said[1:] == [f"That is @{other.handle}. Sign out and sign in as @{wanted.handle}."]
