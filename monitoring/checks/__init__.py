"""What may be wrong with an installation: one file per finding, with ``look(now)`` that yields it."""

from __future__ import annotations

from monitoring.checks import (
    accounts,
    breakers,
    browser,
    database,
    disk,
    keys,
    migrations,
    opportunities,
    overdue,
    parked,
    processes,
    production,
    queue,
    schedules,
    shared_cache,
    sites,
)
from monitoring.checks.finding import Finding, Level
from outreach.lib.clock import database_now

# Those that need no database; those that tell whether it can be asked; those that ask it.
ON_THE_MACHINE = (production, disk, sites)
OF_THE_DATABASE = (database, migrations)
IN_THE_DATABASE = (
    shared_cache,
    processes,
    schedules,
    queue,
    overdue,
    breakers,
    browser,
    parked,
    opportunities,
    accounts,
    keys,
)

__all__ = ["Finding", "Level", "run"]


def run() -> list[Finding]:
    """All findings, errors first. Where the database cannot be asked, only what is known without it."""
    found = [finding for check in ON_THE_MACHINE for finding in check.look()]
    blocking = next((list(finding) for check in OF_THE_DATABASE if (finding := list(check.look()))), [])
    found += blocking
    if not blocking:
        now = database_now()
        found += [finding for check in IN_THE_DATABASE for finding in check.look(now)]
    return sorted(found, key=lambda finding: finding.level != Level.ERROR)
