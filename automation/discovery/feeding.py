"""How what waits on the frontier becomes tasks in its turn.

What is due is taken in order of priority, answered from what was seen within the hour, and otherwise handed to an
account's lane, within the network's plan for the day. From there it is a task like any other: limits, breakers and
pacing hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from accounts.enums import ActionKind
from automation.discovery import budgets, frontier, pages, reading
from automation.discovery.readers import Desk
from automation.engine import tasks
from automation.engine.tasks import NewTask
from automation.enums import FINISHED_STATES, LookKind, LookState, Priority, Reason
from automation.models import DiscoveryPlan, FrontierEntry, ProfilePost, Task
from automation.models.frontier import FrontierQuerySet

TASK_OF = {
    LookKind.SEARCH: ActionKind.FETCH_SEARCH,
    LookKind.RELATED: ActionKind.FETCH_RELATED,
    LookKind.COMMENTERS: ActionKind.FETCH_COMMENTERS,
    LookKind.PROFILE: ActionKind.FETCH_PROFILE,
}
BATCH = 100  # entries claimed in one transaction
ROUNDS = 100  # batches of one call; what is left goes with the next
MOST_TRIES = 3  # tasks that ended without a word, before an entry is given up
FEW_COMMENTS = 5  # who commented is read only of posts that have more
QUIET = f"None of its recent posts has over {FEW_COMMENTS} comments."


def feed_on_commit(network: str) -> None:
    """Hand out what is due once the current transaction is visible; for what people wait for."""
    transaction.on_commit(partial(feed, network), robust=True)


def feed(network: str) -> int:
    """Hand out what is due on a network, most urgent first; returns how many entries were answered or became tasks."""
    fed = 0
    for _ in range(ROUNDS):
        handled = _feed_some(network)
        fed += handled
        if not handled:
            break
    return fed


@transaction.atomic
def _feed_some(network: str) -> int:
    plan = budgets.locked(network)
    desk = Desk.of(network)
    due = list(
        _due(network, desk, plan).select_related("profile__found_by", "source").order_by("priority", "due_at", "id")
        .select_for_update(skip_locked=True, of=("self",))[:BATCH]
    )  # fmt: skip
    quiet = _quiet(due)
    answered, handed, asked = 0, list[FrontierEntry](), set[str]()
    for entry in due:
        if entry.pk in quiet:
            frontier.finish(entry, LookState.DROPPED, QUIET)
            answered += 1
            continue
        reader = desk.reader_for(entry)
        if reader is None:
            continue
        entry.account = reader
        if (seen := pages.seen(entry, reader)) is not None:
            desk.let_go(reader)
            reading.take_people(entry, seen, from_cache=True)
            answered += 1
        elif len(handed) < budgets.room(plan, entry.priority) and pages.key_of(entry, reader) not in asked:
            asked.add(pages.key_of(entry, reader))
            handed.append(entry)
        else:
            desk.let_go(reader)
    _hand_out(handed, plan)
    return answered + len(handed)


def _due(network: str, desk: Desk, plan: DiscoveryPlan) -> FrontierQuerySet:
    """What may be handed out now. The same page is not read twice at once: the second waits for what the first shows."""
    free = desk.free()
    able = Q(account_id__in=free) | Q(priority__lte=Priority.HIGH, account_id__in=list(desk.accounts))
    if free:
        able |= Q(account__isnull=True)
    being_read = FrontierEntry.objects.filter(
        state=LookState.QUEUED, network=network, kind=OuterRef("kind"), query=OuterRef("query"),
        cursor=OuterRef("cursor"),
    )  # fmt: skip
    due = FrontierEntry.objects.waiting().filter(
        able, ~Exists(being_read), network=network, due_at__lte=Now()
    )
    if not budgets.room(plan, Priority.HIGH):
        return due.exclude(kind=LookKind.PROFILE)  # pages may yet be answered without a look
    return (
        due
        if budgets.room(plan, Priority.LOW)
        else due.filter(Q(priority__lte=Priority.HIGH) | ~Q(kind=LookKind.PROFILE))
    )


def _hand_out(entries: Sequence[FrontierEntry], plan: DiscoveryPlan) -> None:
    """Write a task for each, in one statement, and count them against the plan."""
    if not entries:
        return
    new = {_key(entry): _task_for(entry) for entry in entries}
    tasks.add_many(list(new.values()))
    written = dict(Task.objects.filter(dedupe_key__in=list(new)).values_list("dedupe_key", "id"))
    for entry in entries:
        entry.task_id = written[_key(entry)]
        entry.state, entry.detail, entry.tries = LookState.QUEUED, "", entry.tries + 1
    FrontierEntry.objects.bulk_update(entries, ["task", "state", "detail", "tries", "account"])
    budgets.spend(plan, len(entries))


def _key(entry: FrontierEntry) -> str:
    return f"look:{entry.pk}:{entry.tries}"


def _task_for(entry: FrontierEntry) -> NewTask:
    payload = {"look": entry.pk, "cursor": entry.cursor}
    payload |= {"query": entry.query} if entry.kind == LookKind.SEARCH else {"handle": entry.query}
    payload |= {"over": FEW_COMMENTS} if entry.kind == LookKind.COMMENTERS else {}
    return NewTask(
        account_id=entry.account_id or 0, kind=TASK_OF[LookKind(entry.kind)], priority=entry.priority,
        dedupe_key=_key(entry), profile=entry.profile, payload=payload,
    )  # fmt: skip


def _quiet(entries: Sequence[FrontierEntry]) -> set[int]:
    """Of these, the lists of commenters of profiles we have read whose posts hardly anybody comments on."""
    asked = {
        entry.pk: entry.profile_id for entry in entries
        if entry.kind == LookKind.COMMENTERS and entry.profile and entry.profile.fetched_at
    }  # fmt: skip
    if not asked:
        return set()
    busy = ProfilePost.objects.filter(profile__in=asked.values(), comments__gt=FEW_COMMENTS)
    talked_about = set(busy.values_list("profile_id", flat=True))
    return {pk for pk, profile_id in asked.items() if profile_id not in talked_about}


@transaction.atomic
def mend(limit: int = 500) -> int:
    """Have entries wait again whose task ended, or is gone, without a word to them; returns how many."""
    live = Task.objects.filter(pk=OuterRef("task_id")).exclude(state__in=FINISHED_STATES)
    lost = list(
        FrontierEntry.objects.filter(~Exists(live), state=LookState.QUEUED)
        .select_for_update(skip_locked=True).order_by("id")[:limit]
    )  # fmt: skip
    for entry in lost:
        if entry.tries >= MOST_TRIES:
            frontier.finish(
                entry, LookState.FAILED, "Read several times, and what was seen could not be kept."
            )
    again = [entry.pk for entry in lost if entry.tries < MOST_TRIES]
    FrontierEntry.objects.filter(pk__in=again).update(
        state=LookState.WAITING, task=None, detail=Reason.RETRY.label
    )
    return len(lost)
