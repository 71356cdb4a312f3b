"""There is room left where data, logs and the embedded database are kept."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from monitoring.checks.finding import Finding, error, warning

NEARLY_FULL = 0.90
FULL = 0.97


def look() -> Iterator[Finding]:
    for folder in _folders():
        usage = shutil.disk_usage(folder)
        share = usage.used / (usage.used + usage.free)  # what root keeps for itself is not ours to use
        message = f"The disk of {folder} is {share:.0%} full; {usage.free / 1e9:.1f} GB are left."
        mend = "Free space or enlarge the disk. Old logs are in the folder logs of the data folder."
        if share >= FULL:
            yield error("disk", message, mend)
        elif share >= NEARLY_FULL:
            yield warning("disk", message, mend)


def _folders() -> list[Path]:
    """One folder per disk we write to."""
    candidates = [settings.DATA_DIR, settings.EMBEDDED_POSTGRES.home]
    existing = [folder for folder in candidates if folder.exists()]
    return list({folder.stat().st_dev: folder for folder in reversed(existing)}.values())
