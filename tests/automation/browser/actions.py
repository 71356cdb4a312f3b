"""Actions that tests have done in a browser worker. They run in the child: nothing of Django is there."""

from __future__ import annotations

import os
import time
from typing import Any

from playwright.sync_api import BrowserContext

from automation.browser.announcing import about_to_act


def look(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Open ``url``; its title and text."""
    page = context.new_page()
    page.goto(arguments["url"])
    return {"title": page.title(), "text": page.locator("body").inner_text(), "pid": os.getpid()}


def sign_in(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Log in to the sandbox network; who the page says we are."""
    page = context.new_page()
    page.goto(f"{arguments['url']}/login")
    page.get_by_label("Handle").fill(arguments["handle"])
    page.get_by_label("Password").fill(arguments["password"])
    page.get_by_role("button", name="Log in").click()
    return {"viewer": page.locator("#viewer").inner_text()}


def viewer(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Whose session this is, or nobody's."""
    page = context.new_page()
    page.goto(arguments["url"])
    found = page.locator("#viewer")
    return {"viewer": found.inner_text() if found.count() else ""}


def publish(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Post ``text`` on the sandbox network, signed in as whoever the state says."""
    page = context.new_page()
    page.goto(arguments["url"])
    page.get_by_label("What is new?").fill(arguments["text"])
    about_to_act()
    page.get_by_role("button", name="Post").click()
    page.wait_for_url("**/post/*")
    return {"viewer": page.locator("#viewer").inner_text(), "url": page.url}


def spin(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """A page whose script never ends."""
    page = context.new_page()
    if arguments.get("acts"):
        about_to_act()
    page.evaluate("() => { while (true) {} }")
    return {}


def sleep(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Do nothing for ``seconds``."""
    context.new_page()
    time.sleep(arguments["seconds"])
    return {}


def devour(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """A page that takes memory without end."""
    page = context.new_page()
    page.evaluate(
        "async () => { const all = []; while (true) { all.push(new Uint8Array(8e6).fill(1));"
        " await new Promise(r => setTimeout(r, 10)); } }"
    )
    return {}


class Sorry(Exception):
    """With an attribute that must arrive, and one that must not."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.retry_after = 7
        self._secret = "hidden"


def fail(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Raise, before or after acting."""
    context.new_page().set_content("<h1>Oh no</h1>")
    if arguments.get("acts"):
        about_to_act()
    raise Sorry("It did not work")


def noise(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Write where the wire must not be."""
    print("x" * 100_000, flush=True)
    os.write(1, b"garbage")
    return {"stdin": os.read(0, 10).decode()}


def pop_ups(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """A page that opens windows, asks questions and starts a download; how many windows remain."""
    page = context.new_page()
    page.set_content("<a id=file download=x href='data:,hello'>get</a>")
    page.evaluate("() => { for (let i = 0; i < 30; i++) window.open('about:blank'); }")
    page.wait_for_timeout(1000)
    answer = page.evaluate("() => confirm('Really?')")
    page.locator("#file").click()
    page.wait_for_timeout(300)
    return {"windows": len(context.pages), "answer": answer, "title": page.title()}


def environment(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """The names of what the child was given."""
    return {"names": sorted(os.environ)}


def die(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """End the worker in the middle."""
    about_to_act()
    os.kill(os.getpid(), 9)
    return {}
