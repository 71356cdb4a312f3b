"""What people decide about pairs the rules found."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from leads.consent import Actor
from leads.enums import DuplicateStatus
from leads.models import Duplicate
from outreach.lib import events
from outreach.lib.actors import as_user


@transaction.atomic
def dismiss(duplicate: Duplicate, *, by: Actor) -> bool:
    """These are two people, and the pair does not come back; whether it was still open. Effects: ``duplicate.dismissed``."""
    open_one = Duplicate.objects.filter(pk=duplicate.pk, status=DuplicateStatus.OPEN)
    done = open_one.update(status=DuplicateStatus.DISMISSED, decided_by=as_user(by), decided_at=Now())
    if done:
        events.emit("duplicate.dismissed", model="leads.duplicate", ids=[duplicate.pk], by=by)
    return bool(done)
