"""Our books held against the network's: what was sent twice, lost, over a limit, or after a no."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db.models import Q

from accounts.enums import ACTS, ACTS_UPON_PEOPLE, ActionKind, WindowUnit
from accounts.models import Limit
from automation.channels.demo import SeenAct
from automation.demo.scenario import Run
from automation.enums import Direction, EnrolmentState, PublicationState, Reason, TaskState
from automation.models import Enrolment, Message, Publication, Task
from leads.enums import Stage
from leads.models import Person

MESSAGES = (ActionKind.DM, ActionKind.EMAIL, ActionKind.REPLY)
WAITS_FOR_A_LIMIT = (Reason.LIMIT, Reason.CAMPAIGN_LIMIT, Reason.RESERVE)


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of act in both books."""

    kind: str
    ours: int
    theirs: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The demo's result; ``duplicates``, ``lost``, ``over_limit`` and ``after_opt_out`` must be 0."""

    accounts: int
    profiles: int
    leads_qualified: int
    messages_sent: int
    replies: int
    opted_out: int
    posts_published: int
    tasks_completed: int
    tasks_unknown: int
    blocked_by_limit: int
    duplicates: int
    lost: int
    over_limit: int
    after_opt_out: int
    seconds: float

    def as_dict(self) -> dict[str, float | int]:
        return asdict(self)

    @property
    def clean(self) -> bool:
        return not (self.duplicates or self.lost or self.over_limit or self.after_opt_out)


def figures(run: Run, seen: Sequence[SeenAct], opted_out: dict[str, datetime], *, seconds: float) -> Figures:
    """Count everything; the network's acts are the judge."""
    tasks = run.tasks()
    done = tasks.filter(state=TaskState.COMPLETED)
    waiting = tasks.filter(state=TaskState.PENDING, kind__in=ACTS).with_waiting()
    inbound = Message.objects.filter(
        conversation__account__in=run.ids, direction=Direction.IN, automatic=False
    )
    return Figures(
        accounts=len(run.accounts),
        profiles=run.profiles().filter(fetched_at__isnull=False).count(),
        leads_qualified=_qualified(run),
        messages_sent=done.filter(kind__in=MESSAGES).count(),
        replies=inbound.count(),
        opted_out=Person.objects.filter(profiles__in=run.profiles(), suppressed_at__isnull=False)
        .distinct()
        .count(),
        posts_published=Publication.objects.filter(
            post__in=run.posts, state=PublicationState.PUBLISHED
        ).count(),
        tasks_completed=done.count(),
        tasks_unknown=tasks.filter(state=TaskState.UNKNOWN).count(),
        blocked_by_limit=waiting.filter(
            Q(hold_reason__in=WAITS_FOR_A_LIMIT) | Q(reason__in=WAITS_FOR_A_LIMIT)
        ).count(),
        duplicates=duplicates(seen),
        lost=lost(run, seen),
        over_limit=over_limit(run, seen),
        after_opt_out=after_opt_out(run, seen, opted_out),
        seconds=round(seconds, 1),
    )


def _qualified(run: Run) -> int:
    judged = (Stage.QUALIFIED, Stage.CONTACTED, Stage.REPLIED)
    return Person.objects.filter(profiles__in=run.profiles(), stage__in=judged).distinct().count()


def duplicates(seen: Iterable[SeenAct]) -> int:
    """Acts beyond the first with the same send id, or with the same account, kind, target and text; the larger count."""
    seen = [act for act in seen if not act.before]
    by_id = Counter(act.send_id for act in seen if act.send_id)
    by_content = Counter((act.account, act.kind, act.target, act.text) for act in seen)
    return max(sum(n - 1 for n in by_id.values()), sum(n - 1 for n in by_content.values()))


def lost(run: Run, seen: Sequence[SeenAct]) -> int:
    """Completed here and absent there, or acted there and neither completed nor unknown here."""
    acts = run.tasks().filter(kind__in=ACTS)
    missing = sum(1 for task in _completed(run) if not _find(task, seen))
    known = {str(task.send_id) for task in acts.filter(state__in=(TaskState.COMPLETED, TaskState.UNKNOWN))}
    unbooked = sum(1 for act in seen if act.send_id and act.send_id not in known)
    surplus = 0
    if not all(act.send_id for act in seen):
        booked = Counter(
            acts.filter(state__in=(TaskState.COMPLETED, TaskState.UNKNOWN)).values_list("kind", flat=True)
        )
        theirs = Counter(act.kind for act in seen if not act.send_id and not act.before)
        surplus = sum(max(0, n - booked[kind]) for kind, n in theirs.items())
    return missing + unbooked + surplus


def _completed(run: Run) -> Iterable[Task]:
    done = run.tasks().filter(kind__in=ACTS, state=TaskState.COMPLETED)
    return done.select_related("profile", "lane__account")


def _find(task: Task, seen: Sequence[SeenAct]) -> SeenAct | None:
    """The network's record of one task: by send id, else by the id it gave us, else by whom and what."""
    for act in seen:
        if act.send_id:
            if act.send_id == str(task.send_id):
                return act
        elif _same_actor(task, act) and (
            (task.remote_id and act.remote_id == task.remote_id)
            or (not act.remote_id and _same_target(task, act))
        ):
            return act
    return None


def _same_actor(task: Task, act: SeenAct) -> bool:
    return act.kind == task.kind and act.account.casefold() == task.lane.account.handle.casefold()


def _same_target(task: Task, act: SeenAct) -> bool:
    return bool(task.profile and act.target in (task.profile.handle, task.profile.remote_id))


def over_limit(run: Run, seen: Sequence[SeenAct]) -> int:
    """Acts beyond an account's limit in its local day or hour, by the network's times."""
    over = 0
    limits = Limit.objects.filter(Q(account__in=run.ids) | Q(network=run.network_name))
    for account in run.accounts:
        zone = zoneinfo.ZoneInfo(account.time_zone)
        mine = [act for act in seen if not act.before and act.account.casefold() == account.handle.casefold()]
        for limit in limits:
            if limit.account_id not in (None, account.pk):
                continue
            shape = "%Y-%m-%d" if limit.window == WindowUnit.DAY else "%Y-%m-%dT%H%z"
            windows = Counter(
                act.at.astimezone(zone).strftime(shape) for act in mine if act.kind == limit.kind
            )
            over += sum(max(0, n - limit.limit) for n in windows.values())
    return over


def after_opt_out(run: Run, seen: Sequence[SeenAct], opted_out: dict[str, datetime]) -> int:
    """Acts upon people after their no: by the network's own time of it, and by ours."""
    no_at = {handle.casefold(): at for handle, at in opted_out.items()}
    ids: dict[str, str] = {}
    for profile in run.profiles().select_related("person"):
        ids[profile.remote_id] = ids[profile.handle] = profile.handle
        if profile.person.suppressed_at:
            at = no_at.get(profile.handle, profile.person.suppressed_at)
            no_at[profile.handle] = min(at, profile.person.suppressed_at)
    late = 0
    for act in seen:
        if act.kind in ACTS_UPON_PEOPLE and not act.before:
            said_no = no_at.get(ids.get(act.target, act.target).casefold())
            late += said_no is not None and act.at > said_no
    return late


def table(run: Run, seen: Sequence[SeenAct]) -> list[Row]:
    """Acts by kind in our books (completed) and in the network's."""
    done = list(_completed(run))
    ours = Counter(task.kind for task in done)
    theirs = Counter(act.kind for act in seen if not act.before)
    # What was there before counts where one of our acts confirmed it, e.g. a follow of somebody followed already.
    theirs += Counter(task.kind for task in done if (act := _find(task, seen)) and act.before)
    return [
        Row(ActionKind(kind).label, ours[kind], theirs[kind]) for kind in ACTS if ours[kind] or theirs[kind]
    ]


def states(run: Run) -> dict[str, int]:
    """How the campaign's people fared."""
    if run.campaign is None:
        return {}
    counts = Counter(Enrolment.objects.filter(campaign=run.campaign).values_list("state", flat=True))
    return {EnrolmentState(state).label: n for state, n in counts.items()}
