"""The operator's site files can be read, every one."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from automation.channels.web import sites
from monitoring.checks.finding import Finding, error


def look() -> Iterator[Finding]:
    folder = settings.WEB_SITES_DIR
    if folder and not Path(folder).is_dir():
        yield error(
            "site_files",
            f"WEB_SITES_DIR ({folder}) is not a folder, so accounts of the sites described there wait.",
            "Create it, correct WEB_SITES_DIR in .env, or unset it.",
        )
    for problem in sites.known()[1]:
        yield error(
            "site_files",
            f"A site file cannot be used: {problem}",
            "Correct the file; it is read again at once. Accounts of its site wait meanwhile.",
        )
