"""The budget: reserved before, settled after, crossed tier by tier, never overspent and never a dead stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone
from llmock.pytest_plugin import LLMock

from automation.asking import budget, configuration, gateway, ledger
from automation.asking.gateway import ask
from automation.enums import CallState, FailureKind, ModelSize
from automation.llm.purposes import qualification
from automation.models import LlmBudget, LlmCall, LlmSpend
from automation.models.asking import MICRO
from tests.automation.asking.conftest import judgements, material, set_up


def spend(share: float) -> None:
    """As if this share of the budget were spent."""
    held = configuration.current()
    key = budget.standing(held).window_key
    LlmBudget.objects.update_or_create(
        window_key=key, defaults={"used": round(budget.limit_of(held) * share)}
    )


@pytest.mark.parametrize(
    ("left", "tier", "size", "posts", "hours"),
    [
        (1.0, "plenty", ModelSize.GOOD, 2, 2),
        (0.81, "plenty", ModelSize.GOOD, 2, 2),
        (0.8, "enough", ModelSize.GOOD, 1, 2),
        (0.51, "enough", ModelSize.GOOD, 1, 2),
        (0.5, "tight", ModelSize.SMALL, 1, 4),
        (0.21, "tight", ModelSize.SMALL, 1, 4),
        (0.2, "last", ModelSize.SMALL, 1, 6),
        (0.0, "last", ModelSize.SMALL, 1, 6),
    ],
)
def test_tier_follows_from_what_is_left(
    db: None, left: float, tier: str, size: ModelSize, posts: int, hours: int
) -> None:
    assert budget.tier_at(left) == next(t for t in budget.TIERS if t.name == tier)
    spend(1 - left)
    found = budget.standing().tier
    assert (found.name, found.size, found.posts, found.hours) == (tier, size, posts, hours)


def test_a_budget_of_nothing_is_the_last_tier(db: None) -> None:
    configuration.change(budget=Decimal(0), by="test")
    assert budget.standing().tier.name == "last"


def test_the_model_follows_the_tier_only_downwards(endpoint: LLMock, monkeypatch: pytest.MonkeyPatch) -> None:
    small, good = qualification.PURPOSE, ModelSize.GOOD
    assert gateway._size(small, configuration.current()) == ModelSize.SMALL
    big = type(small)(**{**vars(small), "size": good})
    sizes = []
    for share in (0.1, 0.4, 0.6, 0.9):
        spend(share)
        sizes.append(gateway._size(big, configuration.current()))
    assert sizes == [ModelSize.GOOD, ModelSize.GOOD, ModelSize.SMALL, ModelSize.SMALL]


def test_the_budget_is_crossed_tier_by_tier_and_nothing_ever_stops(endpoint: LLMock) -> None:
    configuration.change(budget=Decimal("0.05"), by="test")
    tiers, answers = [], []
    for number in range(200):
        bio = f"Light roasts, batch {number}."
        endpoint.reply(judgements())
        asked = ask(qualification.PURPOSE, material(bio))
        standing = budget.standing()
        assert standing.used <= standing.limit
        tiers.append(standing.tier.name)
        answers.append(asked)
        if asked.failure:
            break
    assert list(dict.fromkeys(tiers)) == ["plenty", "enough", "tight", "last"]
    assert answers[-1].failure == FailureKind.BUDGET
    assert all(one.by_model for one in answers[:-1])
    again = ask(qualification.PURPOSE, material("Somebody else"))
    assert (again.failure, again.transient) == (FailureKind.BUDGET, True)
    assert again.answer.unusable  # a written answer, not an error
    kept = ask(qualification.PURPOSE, material("Light roasts, batch 0."))
    assert kept.cached  # what was paid for is answered without a budget, too
    configuration.change(budget=Decimal("0.10"), by="test")
    endpoint.reset()
    endpoint.reply(judgements("Somebody"))
    assert ask(qualification.PURPOSE, material("Somebody else")).by_model  # a raised budget counts at once


def test_a_lowered_budget_counts_at_once(endpoint: LLMock) -> None:
    endpoint.reply(judgements(), times=None)
    assert ask(qualification.PURPOSE, material()).by_model
    configuration.change(budget=Decimal(0), by="test")
    assert ask(qualification.PURPOSE, material("Light roasts too")).failure == FailureKind.BUDGET


def test_a_new_window_begins_with_all_of_the_budget(endpoint: LLMock) -> None:
    configuration.change(budget_window="day", by="test")
    LlmBudget.objects.create(window_key=f"{timezone.now() - timedelta(days=1):%Y-%m-%d}", used=10**12)
    assert budget.standing().share_left == 1.0


def together(count: int, work: Callable[[int], None]) -> None:
    """Run ``work`` in that many threads at once, each with a connection of its own."""
    ready = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            ready.wait(10)
            work(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting really waits, a little."""
    pause = threading.Event()
    monkeypatch.setattr("automation.asking.gateway.sleep", lambda seconds: pause.wait(min(seconds, 0.05)))


@pytest.mark.django_db(transaction=True)
def test_calls_at_once_never_overspend(transactional_db: None, llmock: LLMock, patient: None) -> None:
    set_up(llmock.base_url("openai"))
    price = configuration.price_of("small")
    assert price is not None
    most = price.most(qualification.PURPOSE.versions["1"](material("Light roasts 00")))
    configuration.change(budget=(Decimal(most) * 3 / MICRO).quantize(Decimal("0.01")), by="test")
    limit = budget.limit_of(configuration.current())
    llmock.reply(judgements(), times=None)
    seen: list[str] = []
    highest: list[int] = []

    def work(number: int) -> None:
        for turn in range(4):
            asked = ask(qualification.PURPOSE, material(f"Light roasts {number:02}{turn}"))
            seen.append(asked.failure)
            highest.append(sum(LlmBudget.objects.values_list("used", flat=True)))

    together(16, work)
    assert len(seen) == 64
    assert set(seen) <= {"", FailureKind.BUDGET}
    assert seen.count("") >= 3
    assert max(highest) <= limit
    calls = LlmCall.objects.all()
    assert sum(calls.values_list("cost", flat=True)) == LlmBudget.objects.get().used <= limit
    assert sum(LlmSpend.objects.values_list("cost", flat=True)) == LlmBudget.objects.get().used
    assert len(llmock.requests) == seen.count("")


@pytest.mark.django_db(transaction=True)
def test_no_more_calls_at_once_than_allowed(transactional_db: None, llmock: LLMock, patient: None) -> None:
    set_up(llmock.base_url("openai"), calls_at_once=3, budget=Decimal(50))
    llmock.delay(0.3, times=None).reply(judgements(), times=None)
    done: list[str] = []
    together(9, lambda n: done.append(ask(qualification.PURPOSE, material(f"Light roasts {n}")).failure))
    assert done == [""] * 9
    times = [(request.started_at, request.ended_at) for request in llmock.requests]
    assert max(sum(start <= at < end for start, end in times) for at, _ in times) <= 3


@pytest.mark.django_db(transaction=True)
def test_the_same_asked_by_many_at_once_is_paid_once(
    transactional_db: None, llmock: LLMock, patient: None
) -> None:
    set_up(llmock.base_url("openai"))
    llmock.delay(0.3, times=None).reply(judgements(), times=None)
    done: list[bool] = []
    together(8, lambda n: done.append(ask(qualification.PURPOSE, material()).by_model))
    assert done == [True] * 8
    assert len(llmock.requests) == LlmCall.objects.count() == 1


def test_a_dead_workers_call_counts_as_spent_and_frees_its_place(endpoint: LLMock) -> None:
    held = configuration.change(calls_at_once=1, by="test")
    price = configuration.price_of("small")
    assert price is not None
    prompt = qualification.PURPOSE.versions["1"](material())
    dead = ledger.reserve(
        ledger.Wanted("qualification", "1", "small", ModelSize.SMALL, prompt, price), held, seconds=5
    )
    with pytest.raises(ledger.Wait):
        ledger.reserve(
            ledger.Wanted("qualification", "2", "small", ModelSize.SMALL, prompt, price), held, seconds=5
        )
    LlmCall.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    endpoint.reply(judgements())
    assert ask(qualification.PURPOSE, material()).by_model
    dead.refresh_from_db()
    assert (dead.state, dead.cost, dead.failure) == (CallState.LOST, dead.reserved, FailureKind.NETWORK)
    paid = LlmCall.objects.exclude(pk=dead.pk).get().cost
    assert LlmBudget.objects.get().used == dead.reserved + paid


def test_an_answer_that_came_after_its_time_is_kept_and_not_paid_again(endpoint: LLMock) -> None:
    held = configuration.current()
    price = configuration.price_of("small")
    assert price is not None
    prompt = qualification.PURPOSE.versions["1"](material())
    call = ledger.reserve(
        ledger.Wanted("qualification", "1", "small", ModelSize.SMALL, prompt, price), held, seconds=5
    )
    LlmCall.objects.update(deadline=timezone.now() - timedelta(seconds=1))
    assert ledger.leave_behind() == 1
    ledger.settle(call, price, gateway.Reply(judgements(), gateway.Usage(10, 5)), tries=1)
    assert LlmBudget.objects.get().used == call.reserved
    assert ask(qualification.PURPOSE, material()).cached
    assert not endpoint.requests
