"""A page after its scripts have run, for reading only."""

from __future__ import annotations

import contextlib
from typing import Any

from playwright.sync_api import BrowserContext, Error, Request, Route

QUIET_SECONDS = 5.0  # that a page has for coming to rest after it was loaded
UNREAD = frozenset({"image", "media", "font"})  # nobody looks at them


def render(context: BrowserContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Open ``url`` and return ``{"url", "html", "is_cut"}`` with at most ``most`` characters of HTML.

    Only reading requests leave: what a page's scripts would send is dropped.
    """
    page = context.new_page()
    page.route("**/*", _reads_only)
    page.goto(arguments["url"], wait_until="load")
    with contextlib.suppress(Error):  # it never rests: what it shows by now is what there is
        page.wait_for_load_state("networkidle", timeout=QUIET_SECONDS * 1000)
    html = page.content()
    return {"url": page.url, "html": html[: arguments["most"]], "is_cut": len(html) > arguments["most"]}


def _reads_only(route: Route) -> None:
    if _is_read(route.request):
        route.fallback()
    else:
        route.abort("blockedbyclient")


def _is_read(request: Request) -> bool:
    return request.method in ("GET", "HEAD") and request.resource_type not in UNREAD
