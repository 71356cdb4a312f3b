"""What a browser's failure means to the engine. A promise that nothing happened is given only where that is certain."""

from __future__ import annotations

from automation.browser.work import ActionFailed, Broken, BrowserDown, Hung
from automation.channels.base import (
    AuthFailed,
    ChannelError,
    NotCalled,
    NotFound,
    Refused,
    TryLater,
    Unknown,
)

DOWN_SECONDS = 5.0
SAID = {kind.__name__: kind for kind in (AuthFailed, NotFound, Refused, Unknown)}


class NoSession(AuthFailed):
    """Nobody is signed in, and nothing was pressed yet: signing in may mend it."""


def meaning(error: BrowserDown | Broken, *, acts: bool) -> ChannelError:
    """The channel's error for a browser's. ``acts``: the job was to press something that others notice."""
    if isinstance(error, BrowserDown):
        # What we lack ourselves must use up neither a try of the task nor a unit of the account.
        return NotCalled(str(error), retry_after=error.retry_after or DOWN_SECONDS)
    if isinstance(error, ActionFailed) and (said := _said(error)) is not None:
        return said
    if acts and error.acted:
        return Unknown(str(error))
    if isinstance(error, Hung):
        return TryLater("The site took too long to show its page.")
    return TryLater(f"The site's page could not be worked: {str(error).splitlines()[0][:300]}")


def _said(error: ActionFailed) -> ChannelError | None:
    """An error the action raised on purpose; ``None`` for everything else, e.g. Playwright's own."""
    module, _, name = error.kind.rpartition(":")
    if not module.startswith("automation.channels."):
        return None
    text = str(error)
    if name == "NeedsLogin":
        # The login form that came instead of an answer: the act was not taken, and the next try signs in first.
        return TryLater(text) if error.acted else NoSession(text)
    if name == "TryLater":
        details = error.details
        return TryLater(
            text,
            retry_after=details.get("retry_after"),
            rate_limited=bool(details.get("rate_limited")),
        )
    return SAID[name](text) if name in SAID else None
