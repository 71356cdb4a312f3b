"""CHECKS 7: the database restarts at once, ends every connection, or cannot be reached: nothing lost, twice or blind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connections

from outreach.lib.postgres import SOCKET_NAME
from tests.chaos.harness import Result, Scene, main, patiently, say, scene, until
from tests.chaos.running import Up

Trouble = Callable[[Scene], None]
BACK_WITHIN = 30.0
# What was started before may still be called: a batch, and the last call's deadline.
STILL_CALLING = timedelta(seconds=1.0 + 2.0)
PER_SECOND = 20  # messages the slowed network takes from one account, so that a run outlasts the trouble


def check(
    sends: int = 1000,
    restarts: int = 10,
    ended_for: float = 120.0,
    away_for: float = 60.0,
    together: bool = False,
) -> Result:
    """Each trouble in a run of ``sends`` messages of its own, or all of them in one."""
    result = Result()
    troubles: list[Trouble] = [
        lambda stage: _restart(stage, restarts, result),
        lambda stage: _end_connections(stage, ended_for, result),
        lambda stage: _take_away(stage, away_for, result),
    ]
    for some in [troubles] if together else [[one] for one in troubles]:
        _under(result, sends, some)
    return result


def _under(result: Result, sends: int, troubles: Sequence[Trouble]) -> None:
    with scene() as stage, Up() as _:
        stage.control.fault("delay", kind="dm", seconds=1 / PER_SECOND)
        for trouble in troubles:
            before = stage.arrived()
            stage.queue(sends)
            until(lambda before=before: stage.arrived() > before + sends // 20, within=60)
            trouble(stage)
        settled = until(stage.settled, within=180, every=0.5)
        result.holds(settled is not None, f"all settled after the trouble ({patiently(stage.open)} open)")
        verdict = stage.verdict()
        for name in ("delivered", "duplicates", "lost"):
            result.figures[name] = result.figures.get(name, 0) + getattr(verdict, name)
        result.zero(duplicates=result.figures["duplicates"], lost=result.figures["lost"])


def _restart(stage: Scene, times: int, result: Result) -> None:
    """Stop the server without a word to anybody and start it again, ``times`` over the run."""
    server, slowest = settings.EMBEDDED_POSTGRES, 0.0
    for number in range(times):
        connections.close_all()
        with server._exclusively():  # or a client would start it between our stop and our start
            where = ("-D", str(server.data), "-l", str(server.log))
            server._run("pg_ctl", "restart", *where, "-m", "immediate", "-w", "-t", "60")
        slowest = max(slowest, _seconds_until_next_act(stage, result, f"restart {number + 1}"))
    result.figures |= {"restarts": times, "back_after_restart": round(slowest, 1)}


def _seconds_until_next_act(stage: Scene, result: Result, what: str) -> float:
    """How long it took until the network took something again; 0 when nothing was left to send."""
    before = stage.arrived()
    back = until(lambda: stage.arrived() > before or stage.settled(), within=BACK_WITHIN)
    result.holds(back is not None, f"back within {BACK_WITHIN:.0f} s after {what}")
    return BACK_WITHIN if back is None else back


def _end_connections(stage: Scene, seconds: float, result: Result) -> None:
    """End every connection each 5 s, more often in a short run."""
    ends, times = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        _terminate(settings.EMBEDDED_POSTGRES.socket_dir)
        times += 1
        time.sleep(min(5.0, seconds / 4))
    result.figures |= {"connections_ended": times}
    _seconds_until_next_act(stage, result, "connections were ended")


def _terminate(folder: Path) -> None:
    with psycopg.connect(host=str(folder), user="outreach", dbname="postgres", autocommit=True) as own:
        own.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outreach'")


def _take_away(stage: Scene, seconds: float, result: Result) -> None:
    """Nobody reaches the server for ``seconds``; nothing may be sent that was not started before."""
    with _unreachable():
        since = datetime.now(UTC) + STILL_CALLING
        time.sleep(seconds)
        until_ = datetime.now(UTC)
        blind = sum(since < act.at < until_ for act in stage.control.ledger())
    back = _seconds_until_next_act(stage, result, f"{seconds:.0f} s without a database")
    result.zero(sent_blind=blind)
    result.figures |= {"away": seconds, "back_after_away": round(back, 1)}


@contextmanager
def _unreachable() -> Iterator[None]:
    """The server's socket is not where everybody looks for it, and who is connected is cut off."""
    folder = settings.EMBEDDED_POSTGRES.socket_dir
    away = folder / "away"
    away.mkdir(mode=0o755, exist_ok=True)
    connections.close_all()
    (folder / SOCKET_NAME).rename(away / SOCKET_NAME)
    try:
        _terminate(away)
        yield
    finally:
        (away / SOCKET_NAME).rename(folder / SOCKET_NAME)
        say("  the database is back")


if __name__ == "__main__":
    main(__doc__, check, sends=1000, restarts=10, ended_for=120.0, away_for=60.0, together=False)
