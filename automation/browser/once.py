"""What a page writes leaves once, though Chromium repeats by itself a request whose connection dies without an answer.

It does so, with a POST too, when the connection was used before, not when it is new. On this machine all connections pass
the gate, so those that are open are cut before a write leaves, and before it leaves again because its answer (307 or 308)
sends it on as it is. The connections of a browser elsewhere are not ours: there the write is sent beside it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import APIResponse, Error, Page, Route

READS = frozenset({"GET", "HEAD"})  # whatever else is asked of a site may change something there
SENT_ON = (307, 308)  # answers upon which the same is written again, to another address
MOST_TIMES = 5  # that one write is sent on
KINDS = ("Document", "XHR", "Fetch")  # of requests that may write


def on_new_connections(page: Page, cut: Callable[[], None]) -> None:
    """From now on, have ``cut`` close all connections before each write of the page, and before each that is sent on."""

    def leaving(route: Route) -> None:
        if route.request.method not in READS:
            cut()
        route.fallback()

    def answered(paused: dict[str, Any]) -> None:
        if paused.get("responseStatusCode") in SENT_ON and paused["request"]["method"] not in READS:
            cut()
        with contextlib.suppress(Error):  # the page is gone
            answers.send("Fetch.continueRequest", {"requestId": paused["requestId"]})

    page.route("**/*", leaving)
    answers = page.context.new_cdp_session(page)  # redirects pass no route
    answers.on("Fetch.requestPaused", answered)
    patterns = [{"urlPattern": "*", "requestStage": "Response", "resourceType": kind} for kind in KINDS]
    answers.send("Fetch.enable", {"patterns": patterns})


def beside(route: Route) -> None:
    """Send it without the browser, with its cookies and headers; the page gets the answer.

    What the answer sends on as it is, is sent on here as well, but to the same server only: elsewhere it would carry what
    this one was told. The page then gets no answer at all.
    """
    try:
        route.fulfill(response=_answer(route))
    except (Error, PermissionError):
        with contextlib.suppress(Error):  # the page is gone
            route.abort("connectionreset")


def _answer(route: Route) -> APIResponse:
    response = route.fetch(max_redirects=0, max_retries=0)
    for _ in range(MOST_TIMES):
        if response.status not in SENT_ON:
            return response
        url = urljoin(response.url, response.headers.get("location", ""))
        if urlsplit(url)[:2] != urlsplit(response.url)[:2]:
            break
        response = route.fetch(url=url, max_redirects=0, max_retries=0)
    raise PermissionError(f"{response.url} sends on what it was sent")
