"""People as CSV, row by row, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from django.db.models import QuerySet

from leads.addresses import EMAIL
from leads.models import Person, Profile
from leads.queries import with_profiles

COLUMNS = ("first_name", "last_name", "display_name", "company", "title", "website", "country", "language")
STANDING = ("lifecycle", "stage", "score")
BATCH = 1_000
# A spreadsheet takes a cell that starts so for a formula (OWASP, "CSV Injection").
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def export_people(people: QuerySet[Person] | None = None) -> Iterator[str]:
    """CSV lines, header first, of ``people`` (unsliced; all if none are given), lowest id first.

    Columns are those an import knows, then one of handles for each network; several addresses of one network
    are joined by "; ". Memory does not grow with the number of people.
    """
    networks = _networks()
    yield _line(["id", EMAIL, *COLUMNS, *STANDING, "tags", "suppressed_at", "created_at", *networks])
    chosen = with_profiles(Person.objects.all() if people is None else people).order_by("pk")
    last = 0
    while page := list(chosen.filter(pk__gt=last)[:BATCH]):
        for person in page:
            yield _line(_cells(person, networks))
        last = page[-1].pk


def defuse(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(DANGEROUS) else cell


def undo_defusing(cell: str) -> str:
    """What a cell was before :func:`defuse`, so that an exported file can be imported again."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(DANGEROUS) else cell


def _networks() -> list[str]:
    used = Profile.objects.exclude(network=EMAIL).order_by("network")
    return list(used.values_list("network", flat=True).distinct())


def _cells(person: Person, networks: Sequence[str]) -> list[str]:
    handles: dict[str, list[str]] = {}
    for profile in person.profiles.all():
        handles.setdefault(profile.network, []).append(profile.handle)
    joined = {network: "; ".join(names) for network, names in handles.items()}
    return [
        str(person.pk),
        joined.get(EMAIL, ""),
        *(str(getattr(person, name)) for name in COLUMNS),
        person.lifecycle,
        person.stage,
        "" if person.score is None else str(person.score),
        "; ".join(tag.name for tag in person.tags.all()),
        person.suppressed_at.isoformat() if person.suppressed_at else "",
        person.created_at.isoformat(),
        *(joined.get(network, "") for network in networks),
    ]


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(map(defuse, cells))
    return line.getvalue()
