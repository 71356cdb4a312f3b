"""Production runs without Django's debug pages."""

from collections.abc import Iterator

from django.conf import settings

from monitoring.checks.finding import Finding, error


def look() -> Iterator[Finding]:
    if settings.PRODUCTION and settings.DEBUG:
        yield error(
            "debug",
            "Debug pages are on in production: an error shows settings and code to whoever caused it.",
            "Unset OUTREACH_DEBUG and restart.",
        )
