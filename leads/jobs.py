"""What django-q2 may call: primary keys in, no logic, safe to be lost, doubled or late."""

from __future__ import annotations

from leads import importing


def run_import(import_id: int) -> int:
    """Take in the rows of an import that have no report yet; returns how many rows it has."""
    return importing.run_import(import_id).rows
