"""How many leads of a target group may become qualified on a UTC day; counted by one conditional UPDATE."""

from __future__ import annotations

from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from automation.models import TargetGroup
from outreach.lib import clock, events
from outreach.lib.actors import Actor

FIELDS = ("name", "description", "active", "daily_quota")


def take(group: TargetGroup | None) -> bool:
    """One more of this group today; whether there was room. Without a group or a quota there always is, and no row is locked."""
    if group is None or group.daily_quota is None:
        return True
    today = clock.database_now().date()
    room = Q(daily_quota__gt=0) & (
        ~Q(taken_on=today) | Q(taken_on__isnull=True) | Q(taken__lt=F("daily_quota"))
    )
    taken = Case(When(taken_on=today, then=F("taken") + 1), default=Value(1))
    return bool(TargetGroup.objects.filter(room, pk=group.pk).update(taken=taken, taken_on=today))


def hold() -> None:
    """Lock the groups with a quota, always in one order: for a transaction that may take of several."""
    list(
        TargetGroup.objects.filter(daily_quota__isnull=False)
        .order_by("id")
        .select_for_update()
        .values_list("id")
    )


def wanted() -> QuerySet[TargetGroup]:
    """The active groups with room today."""
    today = clock.database_now().date()
    full = Q(daily_quota=0) | Q(taken_on=today, taken__gte=F("daily_quota"))
    return TargetGroup.objects.filter(active=True).exclude(Q(daily_quota__isnull=False) & full).order_by("id")


def save_group(group: TargetGroup, *, by: Actor) -> TargetGroup:
    """Write a new or changed group. Effects: leads are judged by it from now on; ``targetgroup.changed`` or ``.created``.

    Raises :class:`django.core.exceptions.ValidationError`.
    """
    what = "created" if group.pk is None else "changed"
    group.full_clean()
    group.save(update_fields=FIELDS if group.pk else None)  # what is taken today is counted by others
    events.emit(
        f"targetgroup.{what}", model="automation.targetgroup", ids=[group.pk], by=by, group=group.name
    )
    return group


def taken_today(group: TargetGroup) -> int:
    """How many of this group became qualified today."""
    return group.taken if group.taken_on == timezone.now().date() else 0
