"""What a check reports."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    ERROR = "error"  # something does not work now
    WARNING = "warning"  # it works, and somebody should look


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not well. ``mend`` is the exact command, or the act, that mends it."""

    level: Level
    subject: str
    message: str
    mend: str


def error(subject: str, message: str, mend: str) -> Finding:
    return Finding(Level.ERROR, subject, message, mend)


def warning(subject: str, message: str, mend: str) -> Finding:
    return Finding(Level.WARNING, subject, message, mend)
