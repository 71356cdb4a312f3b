"""Whether this machine should wait for mail: said by whoever reads a mailbox, asked by the supervisor, without the database."""

from __future__ import annotations

import time
from pathlib import Path

from django.conf import settings

LASTS_SECONDS = 3_600.0  # after the last mailbox was read here


def want() -> None:
    """A mailbox was read on this machine."""
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def is_wanted() -> bool:
    """Whether one was read within the last hour."""
    try:
        return time.time() - _path().stat().st_mtime < LASTS_SECONDS
    except OSError:
        return False


def _path() -> Path:
    return Path(settings.DATA_DIR) / "run" / "mailboxes.wanted"
