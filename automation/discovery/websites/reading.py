"""From an address to a page: asked for politely, fetched plainly, opened in a browser only when it must be."""

from __future__ import annotations

from dataclasses import replace

import structlog

from automation.browser import work
from automation.browser.work import Broken, BrowserDown, Job, Urgency
from automation.discovery.websites import page as pages
from automation.discovery.websites import robots
from automation.discovery.websites.errors import Unreadable, WebsiteError
from automation.discovery.websites.fetching import Fetched, agent, fetch, normal
from automation.discovery.websites.page import Page
from outreach.lib import net

log = structlog.get_logger(__name__)
MOST_BYTES = 2_000_000
SECONDS = 20.0  # for everything without a browser: robots.txt, redirects, the page
BROWSER_SECONDS = 20.0
HTML = ("text/html", "application/xhtml+xml", "")


def read(address: str, *, browser: bool = True) -> Page:
    """The page at ``address``; raises a :class:`WebsiteError` that says why not.

    Takes ``SECONDS`` at most, and ``BROWSER_SECONDS`` more for a page that is empty without its scripts; without a
    browser (``browser`` false, or none is free) such a page is returned as it is.
    """
    visit = robots.Visit()
    with net.deadline(SECONDS):
        answer = fetch(normal(address), most=MOST_BYTES, may=visit.check)
    if answer.status >= 400:
        raise Unreadable(f"There is no page: the site answered {answer.status}.")
    if answer.mime == "text/plain":
        return pages.plain(pages.decoded(answer.content, answer.charset), answer.url, is_cut=answer.is_cut)
    if answer.mime not in HTML:
        raise Unreadable(f"This is no page but {answer.mime[:60]}.")
    return _page(answer, visit, browser=browser)


def _page(answer: Fetched, visit: robots.Visit, *, browser: bool) -> Page:
    html = pages.decoded(answer.content, answer.charset)
    found = pages.parsed(html, answer.url, is_cut=answer.is_cut)
    if not browser or not pages.needs_scripts(html, found):
        return found
    return _rendered(found, visit)


def _rendered(found: Page, visit: robots.Visit) -> Page:
    """The page after its scripts have run, or as it was where no browser can open it."""
    job = Job(
        "automation.browser.rendering:render", {"url": found.url, "most": MOST_BYTES}, allowed_hosts=("*",),
        seconds=BROWSER_SECONDS, wait=5.0, urgency=Urgency.HIGH, options={"user_agent": agent()},
    )  # fmt: skip
    try:
        seen = work.perform(job).result
        url = normal(seen["url"])
        visit.check(url)  # its scripts may have led elsewhere
    except (BrowserDown, Broken, WebsiteError) as error:
        log.info("website_not_rendered", url=found.url, reason=str(error)[:200])
        return found
    shown = pages.parsed(seen["html"], url, is_rendered=True, is_cut=seen["is_cut"])
    emails = tuple(dict.fromkeys((*shown.emails, *found.emails)))
    return replace(shown, emails=emails, description=shown.description or found.description)
