"""The window a person signs in with: a real one where there is a display, else one that is shown on a local page."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Error, Page, Playwright, async_playwright

from automation.browser import chromium
from automation.browser.gate import Gate
from automation.channels.base import Login
from automation.channels.web import sites
from automation.channels.web.finding import TEXT, located, worked
from automation.channels.web.login.stream import Stream
from automation.channels.web.site import Site

LOOK_SECONDS = 0.5
SIZE = (1280, 800)  # pixels of the window
State = dict[str, Any]


class GivenUp(Exception):
    """Nobody signed in; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Options:
    """``headed`` none: a real window if there is a display. ``port`` 0: any free one. ``say`` tells the person.

    ``windowed`` is the Chromium that can open a window, if there is one: the headless one cannot.
    """

    program: Path
    say: Callable[[str], None]
    headed: bool | None = None
    port: int = 0
    seconds: float = 600.0
    windowed: Path | None = None


def sign_in(login: Login, options: Options) -> State:
    """Open the site's login, wait until the account is signed in, and return the session as Playwright keeps it.

    Raises :class:`GivenUp`, or :class:`~.parsing.SiteError` for a server without a site file. Blocks; leaves no event
    loop behind, so the caller's thread may use the database afterwards.
    """
    site = sites.of(login.server, str(login.secret.get("site") or ""))
    return asyncio.run(_Window(site, login, options).run())


def has_display() -> bool:
    """Whether a window can be opened here."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


class _Window:
    def __init__(self, site: Site, login: Login, options: Options) -> None:
        self._site, self._login, self._options = site, login, options
        self._ends = time.monotonic() + options.seconds
        self._told = ""

    async def run(self) -> State:
        async with async_playwright() as playwright:
            browser, is_headed = await self._launch(playwright)
            try:
                context = await self._context(browser)
                page = await context.new_page()
                await self._open(page)
                if is_headed:
                    self._options.say("Sign in in the window that has opened. It closes by itself.")
                    return await self._wait(context, lambda: True)
                return await self._streamed(context, page)
            finally:
                await browser.close()

    async def _launch(self, playwright: Playwright) -> tuple[Browser, bool]:
        wanted = has_display() if self._options.headed is None else self._options.headed
        try:
            if wanted and self._options.windowed:
                return await self._start(playwright, self._options.windowed, headless=False), True
            problem = "the Chromium that is installed has none. Debian: apt-get install chromium"
        except Error as error:
            problem = _first_line(error)
        if self._options.headed:
            raise GivenUp(f"No window can be opened here: {problem}. Without one: manage.py login --page")
        return await self._start(playwright, self._options.program, headless=True), False

    async def _start(self, playwright: Playwright, program: Path, *, headless: bool) -> Browser:
        return await playwright.chromium.launch(
            executable_path=str(program),
            args=chromium.launch_flags(),
            headless=headless,
            chromium_sandbox=False,
        )

    async def _context(self, browser: Browser) -> BrowserContext:
        """A clean context that reaches any public host: logins lead over other sites. Through the account's proxy."""
        gate = Gate()
        gate.open(["*"], proxy=self._login.proxy)
        return await browser.new_context(
            viewport={"width": SIZE[0], "height": SIZE[1]},
            proxy={"server": gate.address},
            accept_downloads=False,
            service_workers="block",
        )

    async def _open(self, page: Page) -> None:
        address = f"{self._login.server.rstrip('/')}{self._site.login.open}"
        try:
            await page.goto(address, wait_until="domcontentloaded")
        except Error as error:
            raise GivenUp(f"{address} cannot be opened: {_first_line(error)}") from None

    async def _streamed(self, context: BrowserContext, page: Page) -> State:
        title = f"Sign in to {self._site.title} as @{self._login.handle}"
        async with Stream(context, page, title=title, size=SIZE, port=self._options.port) as stream:
            self._options.say(
                f"Open {stream.address}\nand sign in there. It can be opened once, from this machine only; from "
                f"another one forward the port first: ssh -L {stream.port}:127.0.0.1:{stream.port} this-machine"
            )
            return await self._wait(context, lambda: stream.is_running)

    async def _wait(self, context: BrowserContext, go_on: Callable[[], bool]) -> State:
        while time.monotonic() < self._ends:
            if not go_on() or not context.pages:
                raise GivenUp("The window was closed before anybody signed in.")
            if await self._is_in(context):
                state: Any = await context.storage_state()
                return dict(state)
            await asyncio.sleep(LOOK_SECONDS)
        raise GivenUp(f"Nobody signed in within {self._options.seconds / 60:.0f} minutes.")

    async def _is_in(self, context: BrowserContext) -> bool:
        """Whether one of the pages is the site's and says that the account is signed in."""
        for page in context.pages:
            if urlsplit(page.url).netloc == urlsplit(self._login.server).netloc:
                who = await self._viewer(page)
                if who.casefold() == self._login.handle.casefold():
                    return True
                if who and who != self._told:
                    self._told = who
                    self._options.say(f"That is @{who}. Sign out and sign in as @{self._login.handle}.")
        return False

    async def _viewer(self, page: Page) -> str:
        take = self._site.login.viewer
        if take.locate is None:
            return ""
        try:
            text = await located(page, take.locate, {}).evaluate_all(TEXT, take.attribute or None)
        except Error:
            return ""  # between two pages
        return worked(str(text), take).lstrip("@") if text else ""


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
