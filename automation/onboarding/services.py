"""A run of accounts: started, stopped, gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from automation.enums import OnboardingState, RowState
from automation.models import OnboardingRow, OnboardingRun
from automation.onboarding import progress
from automation.onboarding.reading import PROXY, Entry
from outreach.lib import events
from outreach.lib.actors import Actor

AT_ONCE = 3
MOST_AT_ONCE = 20


@transaction.atomic
def start(*, name: str, entries: Sequence[Entry], by: Actor, at_once: int = AT_ONCE) -> OnboardingRun:
    """Connect these accounts in the background, ``at_once`` being verified at the same time.

    Rows with a problem have failed from the start. Secrets are kept encrypted, and only until the row began.
    Emits ``onboarding.started``.
    """
    if not 1 <= at_once <= MOST_AT_ONCE:
        raise ValueError(f"From 1 to {MOST_AT_ONCE} accounts can be verified at the same time.")
    run = OnboardingRun.objects.create(
        name=name[:255], at_once=at_once, created_by=by if isinstance(by, User) else None
    )
    OnboardingRow.objects.bulk_create([_row(run, entry) for entry in entries], batch_size=500)
    OnboardingRow.objects.filter(run=run, state=RowState.FAILED).update(finished_at=Now())
    events.emit(
        "onboarding.started", model="automation.onboardingrun", ids=[run.pk], by=by, rows=len(entries)
    )
    transaction.on_commit(partial(progress.push_on, run.pk))
    return run


@transaction.atomic
def stop(*, run: OnboardingRun, by: Actor) -> OnboardingRun:
    """Begin no more rows; those being verified end as they will. Raises :class:`ValueError` for one that is over."""
    changed = OnboardingRun.objects.filter(pk=run.pk, state=OnboardingState.RUNNING).update(
        state=OnboardingState.STOPPED
    )
    if not changed:
        raise ValueError("Only a running onboarding can be stopped.")
    events.emit("onboarding.stopped", model="automation.onboardingrun", ids=[run.pk], by=by)
    run.refresh_from_db()
    return run


@transaction.atomic
def go_on(*, run: OnboardingRun, by: Actor) -> OnboardingRun:
    """Go on with a stopped run where it was. Raises :class:`ValueError` for any other."""
    changed = OnboardingRun.objects.filter(pk=run.pk, state=OnboardingState.STOPPED).update(
        state=OnboardingState.RUNNING
    )
    if not changed:
        raise ValueError("Only a stopped onboarding can go on.")
    events.emit("onboarding.resumed", model="automation.onboardingrun", ids=[run.pk], by=by)
    transaction.on_commit(partial(progress.push_on, run.pk))
    run.refresh_from_db()
    return run


def _row(run: OnboardingRun, entry: Entry) -> OnboardingRow:
    return OnboardingRow(
        run=run, number=entry.number, network=entry.network, handle=entry.handle, server=entry.server,
        fields=entry.fields, message=entry.problem[:500],
        secret=None if entry.problem else {**entry.secret, **({PROXY: entry.proxy} if entry.proxy else {})},
        state=RowState.FAILED if entry.problem else RowState.QUEUED,
    )  # fmt: skip
