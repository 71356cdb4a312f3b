"""Enriching: what is due is borrowed in batches, every step it needs is run, and all that came out is kept at once.

    run(seconds=20)          what only computes
    run_online(seconds=20)   what goes out over the network

A killed worker loses its batches, never its profiles: they come back when their lease is over, then one by one, and one that
keeps killing its worker fails with that reason.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any

import structlog

from automation.enrichment import keeping, registry
from automation.enrichment.base import Result, Step, StepState, Subject, failed, skipped
from automation.enrichment.needing import Passed, fingerprint, nothing_for, wanted
from automation.enrichment.taking import OFFLINE, ONLINE, Kind, Row, renew, runner, take
from outreach.lib import clock, stopping

log = structlog.get_logger(__name__)
MOST_DEATHS = 3
FIRST_PAUSE = 600.0  # seconds before a second try; then four times as long each time
GROWTH = 4.0
TURN = 0.001  # seconds the thread that computes may go on while the one that writes has got its answer and wants to run
LONGEST_PAUSE = 7 * 86_400.0
DEADLY = "Its worker died every time. Something in this profile breaks the step."


def run(*, seconds: float | None = None) -> int:
    """Run what only computes, until nothing is due or time is up; for how many profiles. One runner at a time works."""
    return _run(OFFLINE, registry.offline(), seconds)


def run_online(*, seconds: float | None = None) -> int:
    """The same for what goes out over the network."""
    return _run(ONLINE, registry.online(), seconds)


def _run(kind: Kind, steps: Sequence[Step], seconds: float | None) -> int:
    ends = None if seconds is None else time.monotonic() + seconds
    done = 0
    with runner(kind) as mine, Line(kind, steps) as line:
        while mine and not stopping.requested() and (ends is None or time.monotonic() < ends):
            rows = take(kind)
            if not rows and not line.finish():  # what is kept may be what others become due by
                break
            line.give(rows)
            done += len(rows)
            renew(kind)
        line.finish()
    return done


class Line:
    """Batches on their way: one is worked out in a second thread while the one before it is being written."""

    def __init__(self, kind: Kind, steps: Sequence[Step]) -> None:
        self._kind, self._steps = kind, steps
        self._second = ThreadPoolExecutor(1, thread_name_prefix="enrichment")
        self._under_way: Future[list[Passed]] | None = None
        self._turn = sys.getswitchinterval()

    def __enter__(self) -> Line:
        sys.setswitchinterval(TURN)
        return self

    def __exit__(self, *_: object) -> None:
        self._second.shutdown()
        sys.setswitchinterval(self._turn)

    def give(self, rows: Sequence[Row]) -> None:
        """Those nobody died of together; the others each by itself and alone on the line, so that only the one that kills
        stays behind.
        """
        if quiet := [row for row in rows if not row.deaths]:
            before, self._under_way = self._under_way, self._begin(quiet)
            self._keep(before)
        for row in rows:
            if row.deaths:
                self.finish()
                self._keep(self._begin([row]))

    def finish(self) -> bool:
        """Wait for what is under way and keep it; whether there was anything."""
        last, self._under_way = self._under_way, None
        self._keep(last)
        return last is not None

    def _begin(self, rows: list[Row]) -> Future[list[Passed]]:
        now = clock.database_now()
        return self._second.submit(copy_context().run, _work_out, self._kind, self._steps, rows, now)

    def _keep(self, worked_out: Future[list[Passed]] | None) -> None:
        if worked_out is not None:
            keeping.keep(self._kind, worked_out.result())


def _work_out(kind: Kind, steps: Sequence[Step], rows: list[Row], now: datetime) -> list[Passed]:
    """Every step for those of the rows that need it; asks nothing of the database."""
    passed = [Passed(row) for row in rows]
    for step in steps:
        chosen = [one for one in passed if wanted(step, one.row, now)]
        for one, result in zip(chosen, _results(step, chosen), strict=True):
            _note(one, step, result, now)
    if kind is OFFLINE:
        _pass_over(passed, now)
    return passed


def _pass_over(passed: Sequence[Passed], now: datetime) -> None:
    """Who has nothing to be fetched is not handed on only to find that out."""
    for step in registry.online():
        for one in passed:
            if one.wants(step, now) and (reason := nothing_for(step, one.row.subject)):
                _note(one, step, skipped(reason), now)


def _results(step: Step, chosen: list[Passed]) -> list[Result]:
    """What the step makes of each; who has nothing it could read is skipped, who killed too often failed."""
    results: dict[int, Result] = {}
    able = []
    for place, one in enumerate(chosen):
        if one.row.deaths >= MOST_DEATHS:
            results[place] = failed(DEADLY)
        elif reason := nothing_for(step, one.row.subject):
            results[place] = skipped(reason)
        else:
            able.append(place)
    told = _called(step, [chosen[place].row.subject for place in able])
    results |= dict(zip(able, told, strict=True))
    return [results[place] for place in range(len(chosen))]


def _called(step: Step, subjects: Sequence[Subject]) -> list[Result]:
    if not subjects:
        return []
    if not step.network or step.whole:
        return _guarded(step, subjects)
    with ThreadPoolExecutor(max_workers=step.parallel, thread_name_prefix=step.name) as pool:
        return [result for (result,) in pool.map(lambda subject: _guarded(step, [subject]), subjects)]


def _guarded(step: Step, subjects: Sequence[Subject]) -> list[Result]:
    """The step's results; where it breaks, only the profile it broke on fails."""
    try:
        results = list(step.run(subjects))
        if len(results) != len(subjects):
            raise ValueError(f"{len(results)} results for {len(subjects)} subjects")
    except Exception as error:
        if len(subjects) > 1:
            return [result for subject in subjects for result in _guarded(step, [subject])]
        log.exception("enrichment_step_broke", step=step.name, profile=subjects[0].pk)
        return [failed(f"The step broke: {type(error).__name__}.")]
    return results


def _note(one: Passed, step: Step, result: Result, now: datetime) -> None:
    """Put down how the step ended; what it found, those after it see at once."""
    before = one.row.steps.get(step.name, {})
    entry: dict[str, Any] = {"v": step.version, "i": fingerprint(step, one.row)}
    again = before.get("s") == StepState.WAITING and all(before.get(key) == entry[key] for key in ("v", "i"))
    tries = (int(before.get("n", 0)) if again else 0) + 1
    if result.state == StepState.WAITING and tries >= step.tries:
        result = failed(f"{result.reason} Tried {tries} times.")
    entry |= {"s": str(result.state)}
    if result.reason:
        entry["why"] = result.reason[:200]
    if result.state == StepState.WAITING:
        at = now + timedelta(seconds=_pause(result, tries))
        entry |= {"n": tries, "at": at.isoformat()}
    facts = dict(result.facts) | ({"mail": [result.mail.verdict, result.mail.note]} if result.mail else {})
    if result.state != StepState.WAITING and (facts or one.row.facts.get(step.name)):
        one.learn(step, facts)
    one.entries[step.name] = entry
    one.results.append((step, result))


def _pause(result: Result, tries: int) -> float:
    own = FIRST_PAUSE * GROWTH ** (tries - 1)
    return min(LONGEST_PAUSE, max(own, result.retry_after or 0.0))
