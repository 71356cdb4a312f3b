"""What of ours moves when two people become one, and what comes back when they are two again."""

from __future__ import annotations

from django.db import DatabaseError
from django.db.models import Case, IntegerField, Value, When

from automation.engine import lanes, tasks
from automation.enums import EnrolmentState, Reason, TaskState
from automation.models import (
    Conversation,
    Decision,
    Enrolment,
    FrontierEntry,
    Message,
    OpenLead,
    Opportunity,
    PromptTrial,
    Task,
)
from leads import merging
from leads.merging import Relation

# Somebody who answered or said no in a campaign is not begun there anew as somebody else.
WEIGHTIEST = (EnrolmentState.OPTED_OUT, EnrolmentState.REPLIED, EnrolmentState.BOUNCED, EnrolmentState.DONE)


def register() -> None:
    """Say what moves; called once when Django starts."""
    merging.register(
        Relation(
            Task, paths=("person_id", "enrolment__person_id"), move=_move_tasks, check=_refuse_while_busy
        ),
        Relation(Message, paths=("conversation__person_id", "enrolment__person_id"), move=_nothing),
        Relation(Conversation),
        Relation(Decision),
        Relation(OpenLead, move=merging.once_each(OpenLead)),
        Relation(PromptTrial, move=merging.once_each(PromptTrial, "version", "model")),
        Relation(Enrolment, move=_move_enrolments),
        # They stay with their profile; a no of either ends both's, which undoing takes back.
        Relation(FrontierEntry, paths=("profile__person_id",), move=_nothing),
        Relation(Opportunity, paths=("profile__person_id",), move=_nothing),
    )
    merging.after_undo(_rouse)


def _nothing(kept: int, gone: int) -> None:
    """They go with their conversation or profile."""


def _refuse_while_busy(kept: int, gone: int) -> None:
    """An act that a worker holds or runs at this moment makes the whole merge wait for another time."""
    theirs = Task.objects.filter(person_id__in=(kept, gone)).order_by("pk")
    try:
        list(theirs.select_for_update(nowait=True, of=("self",)).values_list("pk", flat=True))
    except DatabaseError as error:
        raise ValueError(merging.BUSY) from error
    if theirs.filter(state=TaskState.RUNNING).exists():
        raise ValueError(merging.BUSY)


def _move_tasks(kept: int, gone: int) -> None:
    Task.objects.filter(person_id=gone).update(person_id=kept)


def _move_enrolments(kept: int, gone: int) -> None:
    """One way through each campaign: where both are in one, the one that says most stays, with the other's history."""
    both = Enrolment.objects.filter(campaign__in=Enrolment.objects.filter(person_id=gone).values("campaign"))
    by_campaign: dict[int, list[Enrolment]] = {}
    for way in both.filter(person_id__in=(kept, gone)).order_by(_weight(), "-position", "pk"):
        by_campaign.setdefault(way.campaign_id, []).append(way)
    for ways in by_campaign.values():
        for other in ways[1:]:
            _end(other, into=ways[0])
    Enrolment.objects.filter(person_id=gone).update(person_id=kept)


def _weight() -> Case:
    whens = [When(state=state, then=Value(place)) for place, state in enumerate(WEIGHTIEST)]
    return Case(*whens, default=Value(len(WEIGHTIEST)), output_field=IntegerField())


def _end(way: Enrolment, *, into: Enrolment) -> None:
    """Nothing more is done on ``way``; what was done there belongs to ``into``."""
    waiting = Task.objects.filter(enrolment=way, state=TaskState.PENDING)
    tasks.cancel(
        list(waiting.values_list("pk", flat=True)), reason=Reason.CAMPAIGN_ENDED, by="merge", tell=False
    )
    Task.objects.filter(enrolment=way).update(enrolment=into)
    Message.objects.filter(enrolment=way).update(enrolment=into)
    Enrolment.objects.filter(pk=way.pk)._raw_delete("default")  # whatever else still points at it is an error


def _rouse(kept: int, gone: int) -> None:
    """What waits for either of them again is looked at by its lanes."""
    pending = Task.objects.filter(person_id__in=(kept, gone), state=TaskState.PENDING)
    lanes.rouse(sorted(set(pending.values_list("lane_id", flat=True))))
