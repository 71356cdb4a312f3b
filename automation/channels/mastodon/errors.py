"""From what Mastodon.py raised and what happened on the wire to the five errors of a channel.

The rule: anything but Unknown promises that the act did not take place. So an act is Unknown unless its request never
left, or the server itself said no.
"""

from __future__ import annotations

from http import HTTPStatus

from mastodon import MastodonAPIError, MastodonError

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.hiding import hide
from automation.channels.line import is_answered, retry_after, unanswered
from automation.channels.mastodon.wire import Wire

# What Mastodon.py raises, and what its casts of odd answers may let through.
EXPECTED = (MastodonError, ValueError, TypeError, KeyError, AttributeError, IndexError)
RESET = "X-RateLimit-Reset"
DETAIL_LENGTH = 300
# What servers say with 403 (and Mastodon with 422) when it is the account or its token that may not, not this act.
ACCOUNT_WORDS = (
    "scope", "login is currently disabled", "missing a confirmed", "pending approval", "authenticated user",
    "access token", "invalid_token",
)  # fmt: skip


def translate(error: Exception, wire: Wire, *, act: bool, secret: str = "") -> ChannelError:
    """The channel's error for ``error``; ``act`` tells a request that changes something from one that reads.

    ``secret`` is blotted out, should the server have repeated it.
    """
    if wire.status is None or not is_answered(wire):
        return unanswered(error, wire, act=act)
    return _answered(wire.status, _detail(error, secret), wire, act=act)


def _answered(status: int, detail: str, wire: Wire, *, act: bool) -> ChannelError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TryLater(
            "The server asks to slow down.", retry_after=retry_after(wire.headers, RESET), rate_limited=True
        )
    if (
        status < HTTPStatus.MULTIPLE_CHOICES
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status == HTTPStatus.REQUEST_TIMEOUT
    ):
        broken = (
            f"The server answered {status}, and not as Mastodon does"
            if status < 300
            else f"The server failed ({status})"
        )
        if act:
            return Unknown(f"{broken}; whether it acted is unclear. {detail}".strip())
        return TryLater(f"{broken}. {detail}".strip(), retry_after=retry_after(wire.headers, RESET))
    if status < HTTPStatus.BAD_REQUEST:
        place = wire.headers.get("Location", "elsewhere").split("?")[0][:DETAIL_LENGTH]
        return AuthFailed(f"The server redirects to {place}; correct the account's server address.")
    return _said_no(status, detail)


def _said_no(status: int, detail: str) -> ChannelError:
    about_us = any(word in detail.lower() for word in ACCOUNT_WORDS)
    if status == HTTPStatus.UNAUTHORIZED or (
        about_us and status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY)
    ):
        return AuthFailed(f"The server refused the access token ({status}). {detail}".strip())
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return NotFound(f"It does not exist on the server ({status}). {detail}".strip())
    return Refused(f"The server refused it ({status}). {detail}".strip())


def _detail(error: Exception, secret: str) -> str:
    """The server's own sentence, as Mastodon.py found it in the answer's ``error``."""
    found = error.args[3] if isinstance(error, MastodonAPIError) and len(error.args) > 3 else ""
    text = " ".join(str(found or "").split())
    return hide(text, secret)[:DETAIL_LENGTH]
