"""Pressing a button once, and watching what the site makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Error, Locator, Request, Response

from automation.browser.announcing import about_to_act, send_once
from automation.channels.base import TryLater, Unknown
from automation.channels.web.visit import LOOK_EVERY, NeedsLogin, Visit, has_status

Found = TypeVar("Found")
UNCLEAR = (408, 425)  # the request may have been read in part, or by somebody in between


class Watch:
    """The answers and failures of the pages the browser goes to from now on; requests in the background do not count,
    since nobody knows what they were for.
    """

    def __init__(self, visit: Visit) -> None:
        self.answers: list[Response] = []
        self.failures: list[str] = []
        self._visit = visit
        visit.page.on("response", self._answered)
        visit.page.on("requestfailed", self._failed)

    def _is_page(self, request: Request) -> bool:
        return request.is_navigation_request() and request.frame == self._visit.page.main_frame

    def _is_listed(self, status: int) -> bool:
        site = self._visit.site
        return has_status((*site.missing, *site.refused, *site.slow_down), status)

    def _answered(self, response: Response) -> None:
        if self._is_page(response.request):
            self.answers.append(response)

    def _failed(self, request: Request) -> None:
        if self._is_page(request):
            self.failures.append(request.failure or "no answer")

    def check(self) -> None:
        """Raise what the site said to the press: 4xx is a no; a 5xx or no answer at all is unclear."""
        for answer in self.answers:
            if answer.status in UNCLEAR or (answer.status >= 500 and not self._is_listed(answer.status)):
                raise Unknown(
                    f"{self._visit.site.title} answered {answer.status} after the button was pressed."
                )
            self._visit.check_status(answer)
        if self.failures:
            raise Unknown(f"No answer came after the button was pressed ({self.failures[0]}).")


def press(visit: Visit, button: Locator, look: Callable[[], Found | None], *, ends: float) -> Found:
    """Press a button and wait for ``look`` to find what shows that it worked; ``ends`` is a ``time.monotonic()``.

    Raises what the site says instead; :class:`Unknown` when it says nothing that can be recognised. A press that could
    not even be tried is :class:`TryLater`.
    """
    try:
        button.click(trial=True)
    except Error as error:
        raise TryLater(f"The button of {visit.site.title} cannot be pressed: {_first_line(error)}") from None
    watch = Watch(visit)
    send_once(visit.page)
    about_to_act()
    try:
        button.click(no_wait_after=True)
        return _wait(visit, watch, look, ends)
    except Error as error:
        raise Unknown(f"The page broke after the button was pressed: {_first_line(error)}") from None


def _wait(visit: Visit, watch: Watch, look: Callable[[], Found | None], ends: float) -> Found:
    while True:
        watch.check()
        try:
            if (found := look()) is not None:
                return found
            visit.check_signs()
            _still_signed_in(visit)
        except Error as error:
            if visit.page.is_closed() or time.monotonic() > ends:
                raise
            _between_pages(error)
        if time.monotonic() > ends:
            raise Unknown(f"{visit.site.title} shows nothing that says whether it worked.")
        visit.page.wait_for_timeout(LOOK_EVERY)


def _still_signed_in(visit: Visit) -> None:
    """A login form in place of the page: the site did not take what it was sent."""
    login = visit.site.login
    if (
        login.press is not None
        and not visit.viewer()
        and visit.find(login.press).filter(visible=True).count()
    ):
        raise NeedsLogin(f"{visit.site.title} asks for a login.")


def _between_pages(error: Error) -> None:
    """One page is leaving and the next is not there yet: anything else must be told."""
    if not any(
        sign in str(error) for sign in ("context was destroyed", "navigat", "detached", "not attached")
    ):
        raise error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
