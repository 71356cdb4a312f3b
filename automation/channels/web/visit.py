"""One visit to a site, inside the browser's child process: pages are opened, looked at, and believed or not.

Nothing here acts. Errors are the channel protocol's: before anything was pressed they all promise that nothing happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Error, Locator, Page, Response

from automation.channels.base import AuthFailed, NotFound, Refused, TryLater
from automation.channels.web.finding import TEXT, located, worked
from automation.channels.web.site import Listing, Locate, Sign, Site, Take, address
from automation.channels.web.values import squash

LOOK_EVERY = 100  # milliseconds between two looks at a page that is about to change
PATIENCE = 10.0  # seconds a page has for showing what its site file promises
MOST_ITEMS = 100  # of a list on one page
EDITABLE = "input, textarea, [contenteditable]:not([contenteditable=false])"


class NeedsLogin(AuthFailed):
    """The site shows its pages to nobody in particular: the session has ended, or there never was one."""


class Visit:
    """The browser at one site, for one account. ``values`` are the variables of addresses and names."""

    def __init__(self, context: BrowserContext, site: Site, server: str, values: Mapping[str, str]) -> None:
        self.site = site
        self.server = server.rstrip("/")
        self.values = values
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE * 1000)

    # --- Opening -----------------------------------------------------------------------------------------------
    def open(self, template: str) -> None:
        """Open a page and be sure it is one: signed in as the account, found, allowed, and not too fast."""
        self.go(f"{self.server}{address(template, self.values)}")
        self.check_viewer()

    def go(self, url: str) -> None:
        """Open an address of the site; what it says instead of the page is raised."""
        response = self.page.goto(url, wait_until="domcontentloaded")
        if response is not None:
            self.check_status(response)
        self.check_signs()

    def check_status(self, response: Response) -> None:
        """Raise what an answer's status means, by the site file first and by HTTP else."""
        status, site = response.status, self.site
        if status < 400:
            return
        if status == 429 or has_status(site.slow_down, status):
            raise TryLater(self.said(status, ()), retry_after=_retry_after(response), rate_limited=True)
        if has_status(site.missing, status):
            raise NotFound(self.said(status, site.missing))
        if has_status(site.refused, status):
            raise Refused(self.said(status, site.refused))
        if status == 401:
            raise NeedsLogin(self.said(status, ()))
        raise TryLater(self.said(status, ()))

    def said(self, status: int, signs: tuple[Sign, ...]) -> str:
        """What the page of an answer says, or else its status."""
        try:
            self.page.wait_for_load_state("domcontentloaded")
            return self.words((*signs, *self.site.refused)) or f"{self.site.title} answered {status}."
        except Error:
            return f"{self.site.title} answered {status}."

    def check_signs(self) -> None:
        """Raise what the page says by showing something."""
        for signs, error in ((self.site.missing, NotFound), (self.site.refused, Refused)):
            if self.sees_any(signs):
                raise error(self.words(signs) or f"{self.site.title} refused this.")
        if self.sees_any(self.site.slow_down):
            raise TryLater(self.words(self.site.slow_down), rate_limited=True)

    def viewer(self) -> str:
        """The handle of who is signed in, or nothing."""
        return self.take(self.page, self.site.login.viewer).lstrip("@")

    def check_viewer(self) -> None:
        """Nobody acts as nobody, nor as somebody else."""
        who, me = self.viewer(), self.values["me"]
        if not who:
            raise NeedsLogin(f"{self.site.title} asks for a login.")
        if who.casefold() != me.casefold():
            raise AuthFailed(f"{self.site.title} shows @{who} signed in, not @{me}. Sign in again.")

    # --- Finding -----------------------------------------------------------------------------------------------
    def find(self, what: Locate, inside: Page | Locator | None = None) -> Locator:
        """The elements a site file means."""
        base: Any = self.page if inside is None else inside
        found: Locator = located(base, what, self.values)
        return found

    def field(self, what: Locate) -> Locator:
        """The first field a site file means: its label may name other things on the page as well."""
        return self.find(what).and_(self.page.locator(EDITABLE)).first

    def sees(self, sign: Sign) -> bool:
        """Whether an element shows now."""
        return sign.locate is not None and self.find(sign.locate).filter(visible=True).count() > 0

    def sees_any(self, signs: tuple[Sign, ...]) -> bool:
        """Whether one of them shows now."""
        return any(self.sees(sign) for sign in signs)

    def words(self, signs: tuple[Sign, ...]) -> str:
        """What the first element that shows says, for people; outside text, so cut short and on one line."""
        for sign in signs:
            if sign.locate is not None and self.sees(sign):
                text = self.find(sign.locate).filter(visible=True).first.inner_text()
                return f"{self.site.title} says: {squash(text)[:200]}"
        return ""

    def until(self, happens: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Look again and again until something happens; false when it did not."""
        ends = time.monotonic() + seconds
        while not happens():
            if time.monotonic() > ends:
                return False
            self.page.wait_for_timeout(LOOK_EVERY)
        return True

    # --- Taking ------------------------------------------------------------------------------------------------
    def take(self, inside: Page | Locator, what: Take) -> str:
        """A value as text; empty when it is not there."""
        if what.locate is not None:
            found = self.find(what.locate, inside)
        else:
            found = inside if isinstance(inside, Locator) else inside.locator("body")
        text = found.evaluate_all(TEXT, what.attribute or None)
        return "" if text is None else worked(str(text), what)

    def take_all(self, inside: Page | Locator, wanted: Mapping[str, Take]) -> dict[str, str]:
        """Values by name."""
        return {name: self.take(inside, what) for name, what in wanted.items()}

    def items(self, listing: Listing) -> list[dict[str, str]]:
        """The items of a list on this page, in its order."""
        return [self.take_all(item, listing.take) for item in self.find(listing.items).all()[:MOST_ITEMS]]

    def items_with(self, listing: Listing, texts: Collection[str]) -> list[dict[str, str]]:
        """The items with one of the texts, which are squashed; the others are not looked at closely."""
        found = self.find(listing.items)
        shown = found.evaluate_all("nodes => nodes.map(node => node.innerText)")
        near = [
            found.nth(place) for place, one in enumerate(shown) if any(text in squash(one) for text in texts)
        ]
        items = [self.take_all(item, listing.take) for item in near]
        return [item for item in items if squash(item["text"]) in texts]

    def next_address(self, listing: Listing) -> str:
        """Where the list goes on; empty at its end. An address off the site is not followed."""
        if listing.next is None:
            return ""
        href = self.find(listing.next).evaluate_all("nodes => nodes.length ? nodes[0].href : ''")
        return str(href) if self.is_ours(str(href)) else ""

    def is_ours(self, url: str) -> bool:
        """Whether an address is one of this server's."""
        ours, theirs = urlsplit(self.server), urlsplit(url)
        return (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)


def has_status(signs: tuple[Sign, ...], status: int) -> bool:
    return any(sign.status == status for sign in signs)


def _retry_after(response: Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() and len(text) < 7 else None
