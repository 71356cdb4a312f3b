"""Log records as they are written to the file."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from django.conf import settings


def as_written(records: Iterable[logging.LogRecord]) -> str:
    """The lines that the installation's own file gets of these."""
    given: dict[str, Any] = dict(settings.LOGGING["formatters"]["json"])
    formatter: logging.Formatter = given.pop("()")(**given)
    return "\n".join(formatter.format(record) for record in records)
