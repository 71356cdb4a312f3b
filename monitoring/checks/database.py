"""The database answers."""

from collections.abc import Iterator

from django.db import Error

from monitoring.checks.finding import Finding, error
from outreach.lib.clock import database_now
from outreach.lib.postgres import EmbeddedPostgresError

MEND = "Start PostgreSQL, or correct DATABASE_URL. Without it an embedded one starts by itself: uv sync"


def look() -> Iterator[Finding]:
    try:
        database_now()
    except (Error, EmbeddedPostgresError) as problem:
        yield error("database", f"The database does not answer: {str(problem).strip()}", MEND)
