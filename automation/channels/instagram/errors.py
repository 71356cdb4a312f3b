"""From the Graph API's error codes to the five errors of a channel.

The rule: anything but Unknown promises that the act did not take place. So an act is Unknown unless its request never
left, or Instagram itself said no. Codes: Meta's "Error handling", "Rate limits" and Instagram "Error codes".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from automation.channels.base import AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.hiding import hide
from automation.channels.line import retry_after

DETAIL_LENGTH = 300
HOUR = 3_600.0
SIGN_IN = (102, 190, 463, 467)
TOO_MANY = (4, 17, 32, 613, 80_001, 80_002, 80_006)
BLOCKED = 368  # for a while, for what the account did
TRANSIENT = (1, 2)
PUBLISHED_ENOUGH = 2_207_042  # subcode of 9: the posts of 24 hours are used up
WINDOW_CLOSED = 2_534_022  # subcode of 10: they did not write in the last 24 hours
MISSING = {(100, 33), (110, 2_207_013), (24, 2_207_006), (100, 2_018_001)}


def answered(
    status: int, body: object, headers: Mapping[str, str], *, act: bool, secrets: Iterable[str] = ()
) -> ChannelError:
    """What an answer that is no success means; ``act`` tells a request that changes something from one that reads."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        return _plain(status, headers, act=act)
    code, subcode = error["code"], error.get("error_subcode")
    detail = _detail(error, secrets)
    if code in TOO_MANY or status == 429:
        return TryLater(
            f"Instagram asks to slow down. {detail}", retry_after=wait_of(headers), rate_limited=True
        )
    if subcode == PUBLISHED_ENOUGH:
        return TryLater(f"The posts of 24 hours are used up. {detail}", retry_after=HOUR, rate_limited=True)
    if code == BLOCKED:
        return TryLater(
            f"Instagram blocks this for a while. {detail}", retry_after=6 * HOUR, rate_limited=True
        )
    if code in SIGN_IN:
        return AuthFailed(f"Instagram refused the access token. {detail}")
    if code in TRANSIENT or status >= 500:
        return _unclear(f"Instagram failed ({code}). {detail}", act=act)
    if subcode == WINDOW_CLOSED:
        return Refused(f"They did not write in the last 24 hours, so Instagram takes no message. {detail}")
    if (code, subcode) in MISSING or status == 404:
        return NotFound(f"It does not exist on Instagram. {detail}")
    return Refused(f"Instagram refused it ({code}). {detail}")


def _plain(status: int, headers: Mapping[str, str], *, act: bool) -> ChannelError:
    """An answer without Meta's error object: something in between, or a server in trouble."""
    if status == 429:
        return TryLater("Instagram asks to slow down.", retry_after=wait_of(headers), rate_limited=True)
    if status == 401:
        return AuthFailed("Instagram refused the access token.")
    if status == 404:
        return NotFound("It does not exist on Instagram.")
    if 400 <= status < 500 and status not in (408, 425):
        return Refused(f"Instagram refused it ({status}).")
    if 300 <= status < 400:
        return AuthFailed(f"Instagram redirects ({status}); is a proxy or a captive network in between?")
    return _unclear(f"Instagram answered {status}, and not as documented.", act=act)


def _unclear(message: str, *, act: bool) -> ChannelError:
    return Unknown(f"{message} Whether it acted is unclear.") if act else TryLater(message)


def _detail(error: Mapping[str, Any], secrets: Iterable[str]) -> str:
    found = error.get("error_user_msg") or error.get("message") or ""
    return hide(" ".join(str(found).split()), *secrets)[:DETAIL_LENGTH]


def wait_of(headers: Mapping[str, str]) -> float:
    """Seconds until Meta lets us in again: its own estimate, else the hour its windows roll by.

    ``X-Business-Use-Case-Usage`` maps business ids to lists with ``estimated_time_to_regain_access`` in minutes;
    ``X-App-Usage`` has percentages of an hour's budget only.
    """
    waits = [minutes * 60.0 for minutes in _estimates(headers.get("X-Business-Use-Case-Usage", ""))]
    asked = retry_after(headers, "")
    waits += [asked] if asked is not None else []
    return max(waits, default=0.0) or HOUR


def _estimates(text: str) -> list[float]:
    try:
        usage = json.loads(text) if text else {}
    except ValueError:
        return []
    groups = usage.values() if isinstance(usage, dict) else []
    rows = [row for group in groups if isinstance(group, list) for row in group if isinstance(row, dict)]
    found = [row.get("estimated_time_to_regain_access") for row in rows]
    return [float(value) for value in found if isinstance(value, int | float) and value > 0]
