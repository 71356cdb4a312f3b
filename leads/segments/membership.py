"""Who is in a segment, put right for some people at a time. Locks nobody: only the segment's own row is held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet

from leads.models import Person, Segment
from leads.segments.rules import condition

Joined = Callable[[int, list[int]], None]
_joined: list[Joined] = []

ADD = """
INSERT INTO leads_segmentmember (segment_id, person_id)
SELECT %s, fitting.id FROM ({fitting}) AS fitting (id)
ON CONFLICT (segment_id, person_id) DO NOTHING RETURNING person_id
"""
REMOVE = """
DELETE FROM leads_segmentmember
WHERE segment_id = %s AND {among} AND person_id NOT IN (SELECT fitting.id FROM ({fitting}) AS fitting (id))
"""


def on_join(listener: Joined) -> None:
    """Have ``listener(segment_id, person_ids)`` called, in the same transaction, when people come into a segment."""
    if listener not in _joined:
        _joined.append(listener)


def put_right_ids(segment: Segment, ids: list[int]) -> None:
    """Put these people in or out, as the rules say now; who is no more goes out. The caller holds the segment's row."""
    _put_right(segment, Person.objects.filter(pk__in=ids), "person_id = ANY(%s)", [ids])


def put_right_range(segment: Segment, after: int, to: int) -> None:
    """As :func:`put_right_ids` for everybody with ``after < id <= to``."""
    among = Person.objects.filter(pk__gt=after, pk__lte=to)
    _put_right(segment, among, "person_id > %s AND person_id <= %s", [after, to])


def _put_right(segment: Segment, among: QuerySet[Person], where: str, bounds: list[Any]) -> None:
    fitting = among.filter(condition(segment.rules)).order_by().values("pk")
    statement, values = fitting.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(REMOVE.format(among=where, fitting=statement), [segment.pk, *bounds, *values])
        left = cursor.rowcount
        cursor.execute(ADD.format(fitting=statement), [segment.pk, *values])
        joined = [person for (person,) in cursor.fetchall()]
    if left or joined:
        difference = len(joined) - left
        Segment.objects.filter(pk=segment.pk).update(people_count=F("people_count") + difference)
    if joined:
        for listener in _joined:
            listener(segment.pk, joined)
