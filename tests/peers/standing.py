"""A server of somebody else that runs for people, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading


def end_with_everything() -> None:
    """From now on SIGTERM ends this process with all it started; a second one does not cut that short."""
    signal.signal(signal.SIGTERM, _leave)


def stay() -> None:
    """Say that all is ready, and wait for Ctrl-C."""
    print("Ready.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _leave(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)
