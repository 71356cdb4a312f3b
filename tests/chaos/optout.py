"""CHECKS 10: people say no while messages to them are queued and claimed: no attempt turns started after its commit."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from automation.enums import AttemptState
from automation.models import Attempt
from leads import consent
from leads.models import Profile
from leads.services.profiles import add_profile
from outreach.lib.clock import database_now
from tests.chaos.harness import Result, Scene, main, scene, until
from tests.chaos.running import Up

PEOPLE = 50
# A batch that was started before the no may be called for this long: its second, and the last call's deadline.
UNDER_WAY = timedelta(seconds=1.0 + 2.0)
SPELLINGS = {
    "ann@bücher.example": (
        "ANN@Bücher.example",
        "ann@xn--bcher-kva.example",
        "Ann <ann@BU\u0308CHER.example>",
        " ann@bücher.example\u200b",
    ),
    "jose@example.org": ("JOSE@EXAMPLE.ORG", "mailto:jose@example.org", "\uff4aose@example.org"),
}


def check(sends: int = 1000) -> Result:
    """``sends`` to 50 people; one after the other says no while they go out."""
    result = Result()
    with scene(people=PEOPLE) as stage, Up(ENGINE_BATCH_SIZE=20) as _:
        stage.control.fault("delay", kind="dm", seconds=0.03)
        stage.queue(sends)
        until(lambda: stage.arrived() > sends // 20, within=60)
        said = _say_no(stage, sends)
        until(stage.settled, within=120, every=0.5)
        _judge(stage, said, result)
    _spell(result)
    return result


def _say_no(stage: Scene, sends: int) -> dict[str, datetime]:
    """All but a few say no, spread over the first half of the run; by handle, when it was committed for certain."""
    said: dict[str, datetime] = {}
    people = random.sample(stage.profiles, PEOPLE - 5)
    for number, profile in enumerate(people):
        until(
            lambda number=number: stage.arrived() > sends * (0.05 + number / PEOPLE / 2) or stage.settled(),
            within=20,
        )
        consent.suppress_person(person_id=profile.person_id, by="check")
        said[profile.handle] = database_now()
    return said


def _judge(stage: Scene, said: dict[str, datetime], result: Result) -> None:
    started = 0
    people = {profile.person_id: said[profile.handle] for profile in stage.profiles if profile.handle in said}
    tried = Attempt.objects.filter(task__in=stage.tasks, started_at__isnull=False).exclude(
        state=AttemptState.ABANDONED
    )
    for person_id, at in tried.values_list("task__person_id", "started_at"):
        started += person_id in people and at > people[person_id]
    ledger = stage.ledger()
    late = [act for act in ledger if act.person in said and act.at > said[act.person]]
    under_way = max(((act.at - said[act.person]).total_seconds() for act in late), default=0.0)
    result.figures |= {
        "said_no": len(said),
        "delivered": len(ledger),
        "seconds_under_way": round(under_way, 2),
    }
    result.zero(
        started_after_no=started, acts_after_no=sum(act.at > said[act.person] + UNDER_WAY for act in late)
    )
    result.zero(still_waiting=stage.tasks.pending().filter(person__in=list(people)).count())
    result.zero(counters_off=stage.counters_off(), duplicates=stage.verdict().duplicates)


def _spell(result: Result) -> None:
    """The same address in another spelling, or imported again, is still suppressed."""
    free = 0
    for address, others in SPELLINGS.items():
        consent.suppress_address(network="email", handle=address, by="check")
        for other in (address, *others):
            free += not consent.is_suppressed("email", other)
            profile, _ = add_profile(network="email", handle=other, by="check")
            free += Profile.objects.get(pk=profile.pk).person.suppressed_at is None
    result.zero(spellings_let_through=free)


if __name__ == "__main__":
    main(__doc__, check, sends=1000)
