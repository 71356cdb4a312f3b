"""The people of an export as rows of text, a few thousand at a time whatever their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from leads.addresses import EMAIL
from leads.models import Person, Profile
from leads.services.tags import PersonTag

PAGE = 4_000
FIELDS = ("first_name", "last_name", "display_name", "company", "title", "website", "country", "language")
STANDING = ("lifecycle", "stage", "score")
TIMES = ("suppressed_at", "created_at")
# Loose index scan: a DISTINCT would read every profile there is.
NETWORKS = """
WITH RECURSIVE used AS (
    (SELECT network FROM leads_profile ORDER BY network LIMIT 1)
    UNION ALL
    SELECT (SELECT network FROM leads_profile WHERE network > used.network ORDER BY network LIMIT 1)
    FROM used WHERE used.network IS NOT NULL)
SELECT network FROM used WHERE network IS NOT NULL AND network <> %s
"""

Row = tuple[Any, ...]


class People:
    """The rows of these people (unsliced), lowest id first: ``columns``, then :meth:`pages` of tuples of plain values.

    Several addresses of one network, and tags, are joined by "; ". What was not there when the pages begin may or may
    not come; nobody comes twice.
    """

    def __init__(self, people: QuerySet[Person]) -> None:
        self.people = people.order_by("pk")
        with connection.cursor() as cursor:
            cursor.execute(NETWORKS, [EMAIL])
            self.networks = [network for (network,) in cursor.fetchall()]
        self.columns = ["id", EMAIL, *FIELDS, *STANDING, "tags", *TIMES, *self.networks]

    def pages(self, after: int = 0) -> Iterator[list[Row]]:
        """Rows of people whose id is above ``after``; three queries a page."""
        while page := list(self._people(after)):
            keys = [row[0] for row in page]
            after = keys[-1]
            addresses, tags = self._addresses(keys), self._tags(keys)
            yield [self._row(row, addresses[row[0]], tags[row[0]]) for row in page]

    def _people(self, after: int) -> QuerySet[Person, tuple[Any, ...]]:
        return self.people.filter(pk__gt=after).values_list("pk", *FIELDS, *STANDING, *TIMES)[:PAGE]

    def _row(self, person: tuple[Any, ...], addresses: dict[str, str], tags: str) -> Row:
        pk, *rest = person
        score, suppressed_at, created_at = rest[-3:]
        return (
            pk, addresses.get(EMAIL, ""), *rest[:-3], "" if score is None else score, tags,
            suppressed_at.isoformat() if suppressed_at else "", created_at.isoformat(),
            *[addresses.get(network, "") for network in self.networks],
        )  # fmt: skip

    def _addresses(self, keys: Sequence[int]) -> dict[int, dict[str, str]]:
        found: dict[int, dict[str, str]] = defaultdict(dict)
        profiles = Profile.objects.filter(person_id__gte=keys[0], person_id__lte=keys[-1])
        wanted = set(keys)
        for person, network, handle in profiles.order_by("network", "handle").values_list(
            "person_id", "network", "handle"
        ):
            if person in wanted:
                mine = found[person]
                mine[network] = f"{mine[network]}; {handle}" if network in mine else handle
        return found

    def _tags(self, keys: Sequence[int]) -> dict[int, str]:
        found: dict[int, str] = defaultdict(str)
        links = PersonTag.objects.filter(person_id__gte=keys[0], person_id__lte=keys[-1])
        wanted = set(keys)
        for person, name in links.order_by("tag__name").values_list("person_id", "tag__name"):
            if person in wanted:
                found[person] = f"{found[person]}; {name}" if person in found else name
        return found
