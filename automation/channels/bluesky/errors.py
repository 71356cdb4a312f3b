"""From what the server said, or failed to say, to the five errors of a channel.

The rule: anything but Unknown promises that the act did not take place. So an act is Unknown unless its request never
left, or the server itself said no.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus

import httpx
from atproto_core.exceptions import AtProtocolError

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.bluesky.wire import Said
from automation.channels.hiding import hide
from automation.channels.line import Line, is_answered, retry_after, unanswered
from outreach.lib.net import ForbiddenAddress

# What the client raises, and what its casts of odd answers may let through.
EXPECTED = (
    Said, AtProtocolError, httpx.HTTPError, httpx.InvalidURL, ForbiddenAddress,
    ValueError, TypeError, KeyError, AttributeError, IndexError, OSError,
)  # fmt: skip
RESET = "RateLimit-Reset"
DETAIL_LENGTH = 300
STALE = ("ExpiredToken", "InvalidToken")
MISSING = ("RecordNotFound", "HandleNotFound", "RepoNotFound", "NotFound", "ActorNotFound", "BlobNotFound")
GONE = ("AccountTakedown", "AccountDeactivated", "RepoTakedown", "RepoSuspended", "RepoDeactivated")
# Much is answered as InvalidRequest; only its sentence tells that somebody or something does not exist.
NOBODY = re.compile(
    r"not found|could not (find|locate)|unable to resolve|invalid (handle|at identifier)", re.I
)


class TokenExpired(AuthFailed):
    """The session's token is no longer good; a renewed one may be."""


def translate(error: Exception, line: Line, *, act: bool, secrets: Iterable[str] = ()) -> ChannelError:
    """The channel's error for ``error``; ``act`` tells a request that changes something from one that reads.

    ``secrets`` are blotted out, should the server have repeated one.
    """
    if not is_answered(line):
        return unanswered(error, line, act=act)
    if not isinstance(error, Said):
        return _broken(f"The server answered {line.status}, and not as Bluesky does", line, act=act)
    detail = hide(" ".join(f"{error.name}: {error.message}".split()), *secrets)
    return _said(error, detail.strip(": ")[:DETAIL_LENGTH], line, act=act)


def _said(said: Said, detail: str, line: Line, *, act: bool) -> ChannelError:
    if said.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = retry_after(line.headers, RESET)
        return TryLater("The server asks to slow down.", retry_after=wait, rate_limited=True)
    if said.status >= HTTPStatus.INTERNAL_SERVER_ERROR or said.status == HTTPStatus.REQUEST_TIMEOUT:
        return _broken(f"The server failed ({said.status}). {detail}".strip(), line, act=act)
    if said.status < HTTPStatus.BAD_REQUEST:
        place = line.headers.get("Location", "elsewhere").split("?")[0][:DETAIL_LENGTH]
        return AuthFailed(f"The server redirects to {place}; correct the account's server address.")
    return _said_no(said, detail)


def _broken(what: str, line: Line, *, act: bool) -> ChannelError:
    if act:
        return Unknown(f"{what}; whether it acted is unclear.")
    return TryLater(f"{what}.", retry_after=retry_after(line.headers, RESET))


def _said_no(said: Said, detail: str) -> ChannelError:
    if said.name in STALE:
        return TokenExpired(f"The server no longer takes the session. {detail}")
    if said.status == HTTPStatus.UNAUTHORIZED:
        return AuthFailed(f"The server refused the account ({said.status}). {detail}".strip())
    if (
        said.status == HTTPStatus.NOT_FOUND
        or said.name in MISSING + GONE
        or (said.name == "InvalidRequest" and NOBODY.search(said.message))
    ):
        return NotFound(f"It does not exist on the network. {detail}")
    return Refused(f"The server refused it ({said.status}). {detail}".strip())
