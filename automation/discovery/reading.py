"""What was seen: people of a page are added, whom we do not know is looked at; a profile is kept, judged and mined."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import F

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels.base import Page, ProfileInfo
from automation.discovery import budgets, frontier, opportunities, pages, posts, qualification
from automation.discovery.frontier import Look
from automation.discovery.readers import AHEAD
from automation.engine import effects
from automation.enums import FINISHED_STATES, LookKind, LookOrigin, LookState, Priority, Reason
from automation.models import FrontierEntry, Source, Task
from leads.models import Profile
from leads.services import find_or_add_profiles, record_fetch

LISTS = (ActionKind.FETCH_SEARCH, ActionKind.FETCH_RELATED, ActionKind.FETCH_COMMENTERS)
JITTER = 0.15  # of the interval, either way: what was found together is not read again together


@effects.on_completed(*LISTS)
def take_page(task: Task, result: Page) -> None:
    """A page came in: it is remembered for an hour, and its people are taken."""
    entry = frontier.look_of(task.payload.get("look", 0))
    if entry is None:
        return
    entry.account = task.lane.account
    pages.keep(entry, entry.account, result)
    take_people(entry, result)
    frontier.nudge(entry.network)


def take_people(entry: FrontierEntry, page: Page, *, from_cache: bool = False) -> None:
    """Whom we do not know is added and waits to be read; the source's next page is added if there is one.

    ``entry.account`` is who saw the page. Effects: the entry is done, its source counts what it brought.
    """
    account = entry.account
    strangers = without_ours(entry.network, page.profiles)
    source = Source.objects.select_for_update().filter(pk=entry.source_id or 0).first()
    via = str(source) if source else str(entry)
    new, known = find_or_add_profiles(network=entry.network, infos=strangers, found_by=account, found_via=via)
    look_at(new, origin=LookOrigin.FOUND, source=source)
    if source is not None:
        _count(source, entry, page, len(new), known)
    frontier.finish(entry, LookState.DONE, from_cache=from_cache)


def _count(source: Source, entry: FrontierEntry, page: Page, new: int, known: int) -> None:
    Source.objects.filter(pk=source.pk).update(
        pages=F("pages") + 1, found=F("found") + new, duplicates=F("duplicates") + known,
        cursor=page.cursor[:255], exhausted=not page.cursor,
    )  # fmt: skip
    if page.cursor and len(page.cursor) <= 255 and source.active and source.pages + 1 < source.max_pages:
        further = Look(
            network=entry.network, kind=entry.kind, query=entry.query, origin=entry.origin, priority=entry.priority,
            account_id=entry.account_id, profile_id=entry.profile_id, source_id=source.pk, cursor=page.cursor,
            page=entry.page + 1,
        )  # fmt: skip
        frontier.add([further])


def without_ours(network: str, infos: Sequence[ProfileInfo]) -> list[ProfileInfo]:
    """Leave out our own accounts: we neither qualify nor write to ourselves."""
    ours = {h.casefold() for h in Account.objects.filter(network=network).values_list("handle", flat=True)}
    return [info for info in infos if info.handle.casefold() not in ours]


def look_at(
    profiles: Sequence[Profile], *, origin: LookOrigin, priority: int = Priority.LOW, source: Source | None = None,
    account: Account | None = None,
) -> None:  # fmt: skip
    """Have these profiles, of one network, read: by ``account``, else by who found each."""
    frontier.add(
        [
            Look(
                network=profile.network, kind=LookKind.PROFILE, query=profile.handle, origin=origin, priority=priority,
                account_id=account.pk if account else profile.found_by_id, profile_id=profile.pk,
                source_id=source.pk if source else None,
            )
            for profile in profiles
        ]
    )  # fmt: skip


@effects.on_completed(ActionKind.FETCH_PROFILE)
def take_profile(task: Task, result: ProfileInfo) -> None:
    """A profile was read: its facts and posts are kept, the person is judged by the rules, posts one could reply to noted."""
    profile = task.profile
    if profile is None:
        return
    plan = budgets.plan_of(profile.network)
    record_fetch(profile, result, refresh_after=interval(plan.refresh_days))
    posts.keep(profile, result.posts)
    qualification.qualify([profile.person_id], by=None)
    opportunities.notice(profile, plan)
    entry = frontier.look_of(task.payload.get("look", 0))
    if entry is not None:
        frontier.finish(entry, LookState.DONE)
        _refill(task)


def interval(days: int) -> timedelta:
    """About so many days."""
    return timedelta(days=days) * random.uniform(1 - JITTER, 1 + JITTER)


def _refill(task: Task) -> None:
    """The account has little before it and more waits: hand out more."""
    network = task.lane.network
    mine = FrontierEntry.objects.filter(account_id=task.lane_id, state=LookState.QUEUED)
    waiting = FrontierEntry.objects.waiting().filter(network=network)
    if mine.count() < AHEAD // 2 and waiting.exists():
        frontier.nudge(network)


@effects.on_ended(*LISTS, ActionKind.FETCH_PROFILE)
def miss(task: Task) -> None:
    """It will not be seen: the entry says why. What was never asked comes back to the day's plan."""
    if task.state not in FINISHED_STATES:
        return
    entry = frontier.look_of(task.payload.get("look", 0))
    if entry is None:
        return
    frontier.finish(entry, LookState.FAILED, f"{task.get_reason_display()}: {task.detail}".rstrip(": "))
    if task.attempt_count == 0:
        budgets.give_back(entry.network, 1)
    if task.profile_id and task.reason == Reason.NOT_FOUND:
        Profile.objects.filter(pk=task.profile_id).update(refresh_at=None)  # nobody is there any more
