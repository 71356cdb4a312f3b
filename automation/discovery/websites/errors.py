"""Why a website was not read."""

from __future__ import annotations


class WebsiteError(Exception):
    """The page was not read; the message says why, for people. Trying again is useless unless it is `Unreachable`."""


class Disallowed(WebsiteError):
    """The site's robots.txt asks us to stay away, or the address leads into a private network."""


class Unreadable(WebsiteError):
    """There is no such page, or it is no text: a picture, a download, an unknown encoding."""


class Unreachable(WebsiteError):
    """No answer, or none for now; ``retry_after`` is in seconds, ``None`` leaves it to the caller."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
