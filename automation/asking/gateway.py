"""The one way to the model. Whatever happens there is an answer: the model's, or one written by rules or templates."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from time import monotonic, sleep
from typing import Any, Generic, TypeVar

from django.contrib.auth.models import User

from automation import breakers
from automation.asking import budget, configuration, ledger
from automation.asking.ledger import Wait, Wanted
from automation.enums import FailureKind, ModelSize
from automation.llm import purposes
from automation.llm.base import Endpoint, EndpointUnwell, ModelFailed, Reply, Usage
from automation.llm.purposes.base import Purpose
from automation.llm.structured import Shape, parse
from automation.models import LlmCall, LlmSettings, LlmText
from outreach.lib import events
from outreach.lib.actors import Actor

BREAKER = "llm"
MOST_TRIES = 3
LONGEST_PAUSE = 20.0  # seconds between two tries; who is asked to wait longer comes back another time
NOTHING = Usage()
PATIENCE = 30.0  # seconds to wait for one of the calls allowed at once

Material = TypeVar("Material")
Form = TypeVar("Form", bound=Shape)
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Asked(Generic[Answer]):
    """An answer and where it is from.

    ``failure`` is empty when the model gave it; otherwise it is the written answer, and ``detail`` says why. ``usage`` is what
    was paid for it now: nothing when ``cached``. ``call_id`` leads to the ledger.
    """

    answer: Answer
    version: str
    model: str = ""
    failure: FailureKind | str = ""
    detail: str = ""
    cached: bool = False
    usage: Usage = NOTHING
    call_id: int | None = None
    retry_after: float | None = None

    @property
    def by_model(self) -> bool:
        return not self.failure

    @property
    def transient(self) -> bool:
        """Whether coming back later is likely to get the model's own answer, the budget's next window included."""
        return self.failure in (FailureKind.RATE, FailureKind.NETWORK, FailureKind.SERVER, FailureKind.BUDGET)


def ask(
    purpose: Purpose[Material, Form, Answer],
    material: Material,
    *,
    people: Sequence[int] = (),
    version: str = "",
    size: ModelSize | None = None,
    patience: float = PATIENCE,
    by: Actor = None,
) -> Asked[Answer]:
    """Ask for ``purpose`` with this material. ``people`` are those whose words are in it. Never raises for what a model may do.

    The same content is paid for once while its answer is kept. ``size`` names the model of comparisons, whose answers must be
    its own; otherwise the purpose's, or the small one when the budget is low, and any model's kept answer will do. Not inside
    a transaction: what was paid must stay written whatever the caller does.
    """
    held = configuration.current()
    version = version or next(iter(purpose.versions))
    chosen = size or _size(purpose, held)
    model = configuration.model_of(held, chosen)
    try:
        wanted = _wanted(purpose, material, held, model, chosen, version, people, by)
        return _asked(purpose, material, wanted, held, same_model=size is not None, patience=patience)
    except ModelFailed as failure:
        ledger.count(purpose.name, "", ledger.WRITTEN, Usage(), 0)
        return Asked(
            purpose.without_model(material), version=version, model=model, failure=failure.kind, detail=str(failure),
            retry_after=failure.retry_after,
        )  # fmt: skip


def replay(call: LlmCall, *, by: Actor) -> LlmCall:
    """Ask again what a call asked, of the same model, and pay for it; the new call says how it went.

    Raises :class:`ValueError` when its text is no longer kept, :class:`ModelFailed` when nothing could be asked at all.
    """
    text = LlmText.objects.filter(call=call).first()
    if text is None:
        raise ValueError("What this call asked is no longer kept, so it cannot be asked again.")
    held = configuration.current()
    where, price = configuration.endpoint(held), configuration.price_of(call.model)
    if where is None or price is None:
        raise ModelFailed(FailureKind.NO_MODEL, f"{call.model} is not set up any more, or has no price.")
    wanted = Wanted(
        call.purpose, call.version, call.model, ModelSize(call.size), ledger.prompt_of(text), price, text.people,
        replay_of=call.pk, by=by,
    )  # fmt: skip
    new = _kept_or_reserved(wanted, held, same_model=True, patience=PATIENCE)
    assert isinstance(new, LlmCall)  # noqa: S101 - no kept answer is taken
    purpose = purposes.ALL.get(call.purpose)
    with suppress(ModelFailed):  # the new call's row says how it failed
        _called(new, wanted, where, lambda reply: parse(purpose.shape, reply) if purpose else reply)
    new.refresh_from_db()
    events.emit("llmcall.replayed", model="automation.llmcall", ids=[call.pk], by=by, replay=new.pk)
    return new


def replay_for(call_id: int, user_id: int) -> None:
    """As :func:`replay`, for a job: what is gone is left alone, and why nothing could be asked goes to the audit.

    Whoever asked may have lost the right meanwhile; then nothing happens.
    """
    call = LlmCall.objects.filter(pk=call_id).first()
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if call is None or user is None or not user.has_perm("automation.replay_llmcall"):
        return
    try:
        replay(call, by=user)
    except (ValueError, ModelFailed) as refusal:
        events.emit(
            "llmcall.not_replayed", model="automation.llmcall", ids=[call_id], by=user, why=str(refusal)[:300]
        )


def _size(purpose: Purpose[Any, Any, Any], held: LlmSettings) -> ModelSize:
    return ModelSize.SMALL if purpose.size == ModelSize.SMALL else budget.standing(held).tier.size


def _wanted(
    purpose: Purpose[Material, Form, Answer],
    material: Material,
    held: LlmSettings,
    model: str,
    size: ModelSize,
    version: str,
    people: Sequence[int],
    by: Actor,
) -> Wanted:
    if configuration.endpoint(held) is None or not model:
        raise ModelFailed(FailureKind.NO_MODEL, "No model is set up.")
    price = configuration.price_of(model)
    if price is None:
        raise ModelFailed(
            FailureKind.REQUEST, f"{model} has no price, so its cost cannot be kept in the budget."
        )
    prompt = purpose.versions[version](material)
    return Wanted(purpose.name, version, model, size, prompt, price, people, by=by)


def _asked(
    purpose: Purpose[Material, Form, Answer],
    material: Material,
    wanted: Wanted,
    held: LlmSettings,
    *,
    same_model: bool,
    patience: float,
) -> Asked[Answer]:
    def read(reply: Reply) -> Answer:
        return purpose.read(material, parse(purpose.shape, reply))

    found = _kept_or_reserved(wanted, held, same_model, patience)
    if isinstance(found, LlmCall):
        where = configuration.endpoint(held)
        assert where is not None  # noqa: S101 - _wanted made sure
        answer, usage = _called(found, wanted, where, read)
        return Asked(answer, wanted.version, wanted.model, usage=usage, call_id=found.pk)
    call, text = found
    answer = read(Reply(text, Usage()))
    ledger.count(wanted.purpose, call.model, ledger.CACHED, Usage(), 0)
    return Asked(answer, wanted.version, call.model, cached=True, call_id=call.pk)


def _kept_or_reserved(
    wanted: Wanted, held: LlmSettings, same_model: bool, patience: float
) -> LlmCall | tuple[LlmCall, str]:
    """An answer that was paid for, or a reservation for a new one; waits for its turn up to ``patience`` seconds.

    A replay takes no kept answer.
    """
    ends = monotonic() + patience
    while True:
        kept = None if wanted.replay_of else ledger.answered(wanted, held, same_model=same_model)
        if kept is not None:
            return kept
        try:
            return ledger.reserve(wanted, held, seconds=held.answer_seconds, same_model=same_model)
        except Wait as wait:
            if monotonic() >= ends:
                raise ModelFailed(FailureKind.RATE, str(wait)) from wait
            sleep(0.05 + random.random() / 5)


def _called(
    call: LlmCall, wanted: Wanted, where: Endpoint, read: Callable[[Reply], Any]
) -> tuple[Any, Usage]:
    """Make the reserved call and settle it; asks again at once only what certainly cost nothing."""
    for tries in range(1, MOST_TRIES + 1):
        came = _try(where, wanted)
        if isinstance(came, Reply):
            return _taken(call, wanted, came, read, tries), came.usage
        pause = _pause(came, tries)
        if pause is None:
            ledger.fail(call, wanted.price, came, tries=tries)
            raise came
        ledger.go_on(call, seconds=pause + where.seconds)
        sleep(pause)
    raise AssertionError("the last try always returns or raises")


def _try(where: Endpoint, wanted: Wanted) -> Reply | ModelFailed:
    try:
        with breakers.guard(BREAKER):
            return _unless_unwell(where, wanted)
    except EndpointUnwell as failure:
        return failure
    except breakers.ServiceDown as down:
        return ModelFailed(FailureKind.SERVER, str(down), retry_after=LONGEST_PAUSE + 1)


def _unless_unwell(where: Endpoint, wanted: Wanted) -> Reply | ModelFailed:
    """A failure that says nothing about the endpoint's health is an answer, as its breaker sees it."""
    try:
        reply: Reply = import_module("automation.llm.client").ask(where, wanted.model, wanted.prompt)
    except EndpointUnwell:
        raise
    except ModelFailed as failure:
        return failure
    return reply


def _pause(failure: ModelFailed, tries: int) -> float | None:
    """Seconds until the next try; ``None`` when there is none."""
    if not failure.retriable or tries >= MOST_TRIES:
        return None
    pause = (
        failure.retry_after
        if failure.retry_after is not None
        else 0.5 * 2.0**tries * (1 + random.random() / 4)
    )
    return pause if pause <= LONGEST_PAUSE else None


def _taken(call: LlmCall, wanted: Wanted, reply: Reply, read: Callable[[Reply], Any], tries: int) -> Any:
    try:
        answer = read(reply)
    except ModelFailed as failure:
        paid = ModelFailed(failure.kind, str(failure), usage=reply.usage, charged=True)
        ledger.fail(call, wanted.price, paid, tries=tries, text=reply.text)
        raise paid from failure
    ledger.settle(call, wanted.price, reply, tries=tries)
    return answer
