"""The ledger of calls: reserved before, settled after, and never two payments for one answer.

Reservations stand in line behind one lock: what one of them counts (money left, calls under way) grows under nobody's hands
until it commits. Settling takes no lock but its own rows'.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from automation.asking import budget
from automation.enums import CallState, FailureKind, ModelSize
from automation.llm.base import ModelFailed, Prompt, Reply, Usage
from automation.llm.pricing import Price
from automation.llm.structured import dumped
from automation.models import LlmBudget, LlmCall, LlmSettings, LlmText
from automation.models.asking import MICRO, LlmCallQuerySet
from outreach.lib import clock
from outreach.lib.actors import Actor, as_user

MARGIN = timedelta(seconds=30)  # after a call's own end, until its row counts as left behind
CACHED, WRITTEN = "cached", "written"

SPEND = """
INSERT INTO automation_llmspend AS held (hour, purpose, model, outcome, calls, tokens_in, tokens_out, cost)
VALUES (date_trunc('hour', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC', %s, %s, %s, 1, %s, %s, %s)
ON CONFLICT (hour, purpose, model, outcome) DO UPDATE SET calls = held.calls + 1,
    tokens_in = held.tokens_in + EXCLUDED.tokens_in, tokens_out = held.tokens_out + EXCLUDED.tokens_out,
    cost = held.cost + EXCLUDED.cost
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call somebody wants to make. ``people`` are those whose words are in the prompt."""

    purpose: str
    version: str
    model: str
    size: ModelSize
    prompt: Prompt
    price: Price
    people: Sequence[int] = ()
    replay_of: int | None = None
    by: Actor = None

    @property
    def content(self) -> str:
        """What is asked, as one hash; not by which model."""
        prompt = [self.prompt.system, self.prompt.user, self.prompt.schema, self.prompt.longest]
        return hashlib.sha256(dumped([self.purpose, self.version, *prompt]).encode()).hexdigest()


class Wait(Exception):
    """Not now: the same is being asked at this moment, or as many calls as allowed are under way."""


def answered(wanted: Wanted, held: LlmSettings, *, same_model: bool) -> tuple[LlmCall, str] | None:
    """The call that has this answer already, and the answer; by the same model only, if that matters."""
    found = LlmText.objects.filter(
        call__content=wanted.content, call__state=CallState.ANSWERED,
        call__created_at__gt=Now() - timedelta(days=held.cache_days),
    ).select_related("call")  # fmt: skip
    if same_model:
        found = found.filter(call__model=wanted.model)
    text = found.order_by("-call_id").first()
    return None if text is None else (text.call, text.answer)


@transaction.atomic(durable=True)
def reserve(wanted: Wanted, held: LlmSettings, *, seconds: float, same_model: bool = False) -> LlmCall:
    """Reserve the most the call can cost and write it down as under way for ``seconds`` at most.

    Raises :class:`Wait`, also when the answer came while we stood in line, or :class:`ModelFailed` when the budget has no
    room for it.
    """
    amount = wanted.price.most(wanted.prompt)
    now = clock.database_now()
    key = budget.window_key(held, now)
    _stand_in_line()
    LlmBudget.objects.bulk_create([LlmBudget(window_key=key)], ignore_conflicts=True)
    _leave_behind()
    under_way = LlmCall.objects.under_way()
    if under_way.count() >= held.calls_at_once:
        raise Wait(f"{held.calls_at_once} calls are under way, as many as allowed.")
    if wanted.replay_of is None:
        _refuse_twice(wanted, held, under_way, same_model)
    fits = LlmBudget.objects.filter(window_key=key, used__lte=budget.limit_of(held) - amount).update(
        used=F("used") + amount
    )
    if not fits:
        if under_way.filter(window_key=key, reserved__gt=0).exists():
            raise Wait("What is left of the budget is reserved by calls under way.")
        left = budget.standing(held).left / MICRO
        raise ModelFailed(
            FailureKind.BUDGET,
            f"{left:.4f} of the budget of {key} is left; this call may cost {amount / MICRO:.4f}.",
        )
    call = LlmCall.objects.create(
        purpose=wanted.purpose, version=wanted.version, model=wanted.model, size=wanted.size, content=wanted.content,
        reserved=amount, cost=amount, window_key=key, replay_of_id=wanted.replay_of, asked_by=as_user(wanted.by),
        deadline=now + timedelta(seconds=seconds) + MARGIN,
    )  # fmt: skip
    LlmText.objects.create(call=call, prompt=prompt_shown(wanted.prompt), people=list(wanted.people))
    return call


def _refuse_twice(wanted: Wanted, held: LlmSettings, under_way: LlmCallQuerySet, same_model: bool) -> None:
    same = under_way.filter(content=wanted.content, **({"model": wanted.model} if same_model else {}))
    if same.exists():
        raise Wait("The same is being asked at this moment.")
    # Looked at after the line above, never before: what ended between two looks is answered by now.
    if answered(wanted, held, same_model=same_model) is not None:
        raise Wait("It was answered just now.")


def _stand_in_line() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('asking.ledger'))")


def go_on(call: LlmCall, *, seconds: float) -> None:
    """Another try of a call that has cost nothing yet: it is under way for ``seconds`` from now."""
    ends = clock.database_now() + timedelta(seconds=seconds) + MARGIN
    LlmCall.objects.filter(pk=call.pk, state=CallState.UNDER_WAY).update(deadline=ends)


def prompt_shown(prompt: Prompt) -> dict[str, Any]:
    """A prompt as it is kept."""
    return {"system": prompt.system, "user": prompt.user, "schema": prompt.schema, "longest": prompt.longest}


def prompt_of(text: LlmText) -> Prompt:
    """A kept prompt, to be asked again."""
    return Prompt(text.prompt["system"], text.prompt["user"], text.prompt["schema"], text.prompt["longest"])


@transaction.atomic(durable=True)
def settle(call: LlmCall, price: Price, reply: Reply, *, tries: int) -> None:
    """An answer that can be used. Effects: the call is answered, what it did not cost goes back to the budget."""
    LlmText.objects.filter(pk=call.pk).update(answer=_storable(reply.text))
    _end(call, CallState.ANSWERED, reply.usage, _cost(call, price, reply.usage), tries=tries)


@transaction.atomic(durable=True)
def fail(call: LlmCall, price: Price, failure: ModelFailed, *, tries: int, text: str = "") -> None:
    """No answer that can be used. Effects: the call has failed, or its answer is lost and the reservation counts as spent."""
    if text:
        LlmText.objects.filter(pk=call.pk).update(answer=_storable(text))
    if failure.charged is None:
        _end(call, CallState.LOST, Usage(), call.reserved, tries=tries, failure=failure)
    else:
        cost = _cost(call, price, failure.usage) if failure.charged else 0
        _end(call, CallState.FAILED, failure.usage, cost, tries=tries, failure=failure)


def _cost(call: LlmCall, price: Price, usage: Usage) -> int:
    """What the tokens cost; the reservation where the endpoint counted none."""
    return price.cost(usage) if usage.total else call.reserved


def _end(
    call: LlmCall,
    state: CallState,
    usage: Usage,
    cost: int,
    *,
    tries: int,
    failure: ModelFailed | None = None,
) -> None:
    kind = failure.kind if failure else ""
    ended = LlmCall.objects.filter(pk=call.pk, state=CallState.UNDER_WAY).update(
        state=state, failure=kind, detail=str(failure or "")[:500], tries=tries, tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out, cost=cost, finished_at=Now(),
    )  # fmt: skip
    if ended:
        LlmBudget.objects.filter(window_key=call.window_key).update(used=F("used") + cost - call.reserved)
        count(call.purpose, call.model, kind or str(state), usage, cost)
    elif state == CallState.ANSWERED:
        # We slept past our deadline and count as lost and paid; the answer is good all the same.
        LlmCall.objects.filter(pk=call.pk, state=CallState.LOST).update(
            state=state,
            failure="",
            detail="Came late.",
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
        )


def count(purpose: str, model: str, outcome: str, usage: Usage, cost: int) -> None:
    """Add one call to this hour's spend."""
    with connection.cursor() as cursor:
        cursor.execute(SPEND, [purpose, model, outcome, usage.tokens_in, usage.tokens_out, cost])


@transaction.atomic
def leave_behind() -> int:
    """Calls whose worker died: their answers are lost, and they count as spent. Returns how many."""
    return _leave_behind()


def _leave_behind() -> int:
    dead = list(
        LlmCall.objects.left_behind()
        .select_for_update(skip_locked=True)
        .only("pk", "purpose", "model", "cost")
    )
    for call in dead:
        LlmCall.objects.filter(pk=call.pk).update(
            state=CallState.LOST,
            failure=FailureKind.NETWORK,
            detail="Its worker died before an answer came.",
            finished_at=Now(),
        )
        count(call.purpose, call.model, FailureKind.NETWORK, Usage(), call.cost)
    return len(dead)


def forget_people(person_ids: Sequence[int]) -> int:
    """Delete the texts that hold words of these people; the calls and their cost stay. Returns how many."""
    return LlmText.objects.filter(people__overlap=list(person_ids)).delete()[0]


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, and UTF-8 no half characters."""
    return text.replace("\0", "").encode(errors="replace").decode()[:200_000]
