"""From what tweepy raised and what happened on the wire to the five errors of a channel.

The rule: anything but Unknown promises that the act did not take place. So an act is Unknown unless its request never
left, or X itself said no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import requests
from tweepy.errors import HTTPException, TweepyException

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.hiding import hide
from automation.channels.line import Line, is_answered, retry_after, unanswered

# What tweepy raises, and what its reading of odd answers may let through.
EXPECTED = (
    TweepyException, requests.JSONDecodeError, ValueError, TypeError, KeyError, AttributeError, IndexError,
    RecursionError,
)  # fmt: skip
DETAIL_LENGTH = 300
CAPPED_SECONDS = 6 * 3600.0  # a plan's monthly cap or credits are used up, and X does not say until when
RESET = "x-rate-limit-reset"
DAYS = ("x-user-limit-24hour", "x-app-limit-24hour")
# What X says with 403 when it is the account or its token that may not, not this act.
ACCOUNT_WORDS = (
    "suspended", "locked", "oauth2 permissions", "oauth1 permissions", "oauth scope", "missing scope",
    "unsupported authentication", "not permitted to access this endpoint", "client-not-enrolled",
)  # fmt: skip


def translate(error: Exception, line: Line, *, act: bool, secrets: Iterable[str] = ()) -> ChannelError:
    """The channel's error for ``error``; ``act`` tells a request that changes something from one that reads.

    ``secrets`` are blotted out, should X have repeated one.
    """
    if line.status is None or not is_answered(line):
        return unanswered(error, line, act=act)
    body = body_of(error)
    return answered(line.status, body, line.headers, act=act, secrets=secrets)


def body_of(error: Exception) -> Mapping[str, Any]:
    """The object X answered with; empty when it was none."""
    if not isinstance(error, HTTPException):
        return {}
    try:
        body = error.response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def answered(
    status: int,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    act: bool,
    secrets: Iterable[str] = (),
) -> ChannelError:
    """What an answer that is no success means."""
    detail = detail_of(body, secrets)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        capped = "usage-capped" in str(body.get("type", "")) or body.get("title") == "UsageCapExceeded"
        wait = wait_of(headers) or (CAPPED_SECONDS if capped else None)
        return TryLater(f"X asks to slow down. {detail}".strip(), retry_after=wait, rate_limited=True)
    if status == HTTPStatus.PAYMENT_REQUIRED:
        message = f"The app's credits at X are used up. {detail}".strip()
        return TryLater(message, retry_after=CAPPED_SECONDS, rate_limited=True)
    if status < 300 or status >= 500 or status == HTTPStatus.REQUEST_TIMEOUT:
        broken = f"X answered {status}, and not as documented" if status < 300 else f"X failed ({status})"
        if act:
            return Unknown(f"{broken}; whether it acted is unclear. {detail}".strip())
        return TryLater(
            f"{broken}. {detail}".strip(), retry_after=wait_of(headers) if status >= 500 else None
        )
    if status < 400:
        return AuthFailed(f"X redirects ({status}); is a proxy or a captive network in between?")
    return _said_no(status, detail, body)


def _said_no(status: int, detail: str, body: Mapping[str, Any]) -> ChannelError:
    words = f"{detail} {body.get('type', '')} {body.get('reason', '')}".lower()
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthFailed(f"X refused the access token ({status}). {detail}".strip())
    if status == HTTPStatus.FORBIDDEN and any(word in words for word in ACCOUNT_WORDS):
        return AuthFailed(f"X does not let this account or app in ({status}). {detail}".strip())
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return NotFound(f"It does not exist on X ({status}). {detail}".strip())
    return Refused(f"X refused it ({status}). {detail}".strip())


def missing(body: Mapping[str, Any], secrets: Iterable[str] = ()) -> ChannelError | None:
    """What X says inside a success that has no data: a user or post that is gone, suspended or hidden from us."""
    errors = body.get("errors")
    if body.get("data") or not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return None
    first = errors[0]
    detail = hide(str(first.get("detail") or first.get("title") or ""), *secrets)[:DETAIL_LENGTH]
    if "not-authorized" in str(first.get("type", "")):
        return Refused(f"X does not show it to us. {detail}".strip())
    return NotFound(f"It does not exist on X. {detail}".strip())


def detail_of(body: Mapping[str, Any], secrets: Iterable[str] = ()) -> str:
    """X's own sentence, without our secrets."""
    first = (body.get("errors") or [None])[0] if isinstance(body.get("errors"), list) else None
    nested = (first.get("detail") or first.get("message")) if isinstance(first, dict) else ""
    found = body.get("detail") or nested or body.get("error_description") or body.get("title") or ""
    return hide(" ".join(str(found).split()), *secrets)[:DETAIL_LENGTH]


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Seconds until every window that is used up opens again: 15 minutes or a day, the user's or the app's."""
    used_up = [f"{name}-reset" for name in DAYS if headers.get(f"{name}-remaining", "").strip() == "0"]
    if not used_up or headers.get("x-rate-limit-remaining", "").strip() == "0":
        used_up.append(RESET)
    waits = [wait for name in used_up if (wait := retry_after(headers, name)) is not None]
    return max(waits) if waits else None
