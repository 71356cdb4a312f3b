"""Cells that a spreadsheet would run, made text."""

from __future__ import annotations

# A spreadsheet takes a cell that starts so for a formula (OWASP, "CSV Injection").
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
STARTS = frozenset(DANGEROUS)


def defuse(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell[:1] in STARTS else cell


def undo_defusing(cell: str) -> str:
    """What a cell was before :func:`defuse`, so that an exported file can be imported again."""
    return cell[1:] if cell.startswith("'") and cell[1:2] in STARTS else cell
