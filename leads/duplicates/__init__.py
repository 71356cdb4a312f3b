"""The same human being twice: found by what two people share, and judged by people."""

from leads.duplicates.find import look, waiting
from leads.duplicates.services import dismiss

__all__ = ["dismiss", "look", "waiting"]
