"""The throw-away installation a command works in: chosen before Django reads its settings, removed at the end."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import django
from django.conf import settings

# Short enough that a run which waits for three leases takes seconds; the code under test is the same.
SHORT_TIMES = {
    "LANE_LEASE_SECONDS": "4",
    "SANDBOX_DEADLINE": "2",
    "DEFAULT_SENDING_GAP": "0",
    "INBOX_INTERVAL": "86400",
    "DRAIN_SECONDS": "20",
    "WORKERS": "4",
    "RATE_CAP": "0",
    "BREAKER_SECONDS": "3",
}


def make() -> None:
    """A new data folder and database for this process and all it starts; whatever this machine has is not touched."""
    folder = Path(tempfile.mkdtemp(prefix="outreach-chaos-"))
    folder.chmod(0o755)
    nothing = dict.fromkeys(
        ("DATABASE_URL", "DATABASE_DIRECT_URL", "REDIS_URL", "OUTREACH_FAILPOINTS", "SECRET_KEY"), ""
    )
    os.environ.update(nothing, **SHORT_TIMES)
    os.environ.update(
        OUTREACH_DATA_DIR=str(folder),
        OUTREACH_ENV="development",
        DJANGO_SETTINGS_MODULE="outreach.settings",
        LOG_LEVEL="ERROR",
        LOG_JSON="0",
    )
    atexit.register(_remove, os.getpid(), folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # or nothing would be removed
    django.setup()


def _remove(owner: int, folder: Path) -> None:
    if os.getpid() != owner:
        return
    server = settings.EMBEDDED_POSTGRES
    server.stop()
    shutil.rmtree(server.home, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
