"""Counting what really happened: pure functions over the acts our accounts made, in the order they were
taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from automation.channels.sandbox.network.state import UPON_PEOPLE, Event, State, iso

SECOND = 1_000_000


def act_as_json(state: State, act: Event) -> dict[str, Any]:
    """One line of the ledger, with handles instead of ids where people read them."""
    return {
        "seq": act.seq,
        "at": iso(act.at),
        "account": state.members[act.by].handle,
        "kind": act.what,
        "target": act.target,
        "person": state.members[act.person].handle if act.person else "",
        "text": act.text,
        "link": act.link,
        "send_id": act.send_id,
        "remote_id": act.result,
    }


def summary(state: State, acts: Sequence[Event], grace: float = 0.0) -> dict[str, Any]:
    """What a judge asks: totals, copies, acts per account and day, acts upon people after their no.

    ``grace`` is in seconds: how long after a no an act may still arrive without being counted.
    """
    return {
        "total": len(acts),
        "kinds": dict(Counter(act.what for act in acts)),
        "send_ids": len({(act.by, act.send_id) for act in acts if act.send_id}),
        "duplicate_send_ids": copies((act.by, act.send_id) for act in acts if act.send_id),
        "duplicate_contents": copies((act.by, act.what, act.target, act.text) for act in acts),
        "per_day": windows(state, acts, unit="day"),
        "after_opt_out": len(after_opt_out(state, acts, grace)),
        "after_opt_out_was_read": len(after_opt_out_was_read(state, acts, grace)),
        "opted_out_people": sum(1 for one in state.members.values() if one.opted_out_at is not None),
        "token_refreshes": state.refreshes,
    }


def copies(keys: Iterable[Hashable]) -> int:
    """How many came more than the first time."""
    return sum(count - 1 for count in Counter(keys).values())


def windows(state: State, acts: Sequence[Event], *, unit: str, zone: str = "UTC") -> list[dict[str, Any]]:
    """Acts per account, kind and window. ``unit`` is ``day``, ``hour`` or a number of seconds.

    Days and hours are those of the clock in ``zone``, so a day may have 23 or 25 hours and a doubled hour
    stays two windows; windows of seconds are counted from 1970. Raises :class:`ValueError` for anything
    else.
    """
    window = _window_of(unit, zone)
    counts = Counter((act.by, act.what, window(act.at)) for act in acts)
    return [
        {"account": state.members[by].handle, "kind": kind, "window": start, "acts": count}
        for (by, kind, start), count in sorted(
            counts.items(), key=lambda item: (item[0][2], item[0][0], item[0][1])
        )
    ]


def _window_of(unit: str, zone: str) -> Callable[[int], str]:
    if unit in ("day", "hour"):
        local = ZoneInfo(zone)
        length = 10 if unit == "day" else 13

        def by_clock(at: int) -> str:
            moment = datetime.fromtimestamp(at / SECOND, UTC).astimezone(local)
            text = moment.isoformat()[:length]
            return text if unit == "day" else f"{text}{moment.strftime('%z')}"

        return by_clock
    seconds = float(unit)
    if not seconds > 0:
        raise ValueError("A window is day, hour or a number of seconds above 0.")
    size = int(seconds * SECOND)
    return lambda at: iso(at - at % size)


def busiest(state: State, acts: Sequence[Event], seconds: float) -> list[dict[str, Any]]:
    """The most acts per account and kind in any stretch of ``seconds``, wherever it begins."""
    times: dict[tuple[str, str], list[int]] = defaultdict(list)
    for act in acts:
        times[act.by, act.what].append(act.at)
    size = int(seconds * SECOND)
    return [
        {
            "account": state.members[by].handle,
            "kind": kind,
            "acts": max(index + 1 - bisect_right(stamps, at - size) for index, at in enumerate(stamps)),
        }
        for (by, kind), stamps in sorted(times.items())
    ]


def after_opt_out(state: State, acts: Sequence[Event], grace: float = 0.0) -> list[Event]:
    """Acts upon people that came more than ``grace`` seconds after they said no, whether we had read it or
    not.
    """
    return [
        act
        for act in acts
        if _is_late(act, state.members[act.person].opted_out_at if act.person else None, grace)
    ]


def after_opt_out_was_read(state: State, acts: Sequence[Event], grace: float = 0.0) -> list[Event]:
    """Acts upon people that came more than ``grace`` seconds after any of our accounts was first handed
    their no.
    """
    read: dict[str, int] = {}
    for (_, person), at in state.opt_outs_read.items():
        read[person] = min(at, read.get(person, at))
    return [act for act in acts if _is_late(act, read.get(act.person), grace)]


def _is_late(act: Event, no_at: int | None, grace: float) -> bool:
    return act.what in UPON_PEOPLE and no_at is not None and act.at > no_at + int(grace * SECOND)


def between(acts: Sequence[Event], since: str, until: str) -> list[Event]:
    """The acts from ``since`` on and before ``until`` (ISO 8601 with a zone; empty: no bound)."""
    first = _microseconds(since) if since else 0
    last = _microseconds(until) if until else None
    return [act for act in acts if act.at >= first and (last is None or act.at < last)]


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("A time needs its zone, for example 2025-06-01T12:00:00+00:00.")
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
