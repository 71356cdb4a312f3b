"""The cache that all processes share answers."""

from collections.abc import Iterator
from datetime import datetime

from django.core.cache import cache
from django.db import Error, transaction

from monitoring.checks.finding import Finding, error


def look(now: datetime) -> Iterator[Finding]:
    try:
        with transaction.atomic():
            cache.get("doctor")
    except Error as problem:
        yield error(
            "cache",
            f"The cache does not answer: {str(problem).partition(chr(10))[0]}",
            "python manage.py createcachetable",
        )
