"""Every way a call can fail ends in its kind; nothing is lost and nothing is paid twice."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from llmock.pytest_plugin import LLMock
from llmock.scenarios import Reply

from automation.asking import configuration
from automation.asking.gateway import Asked, ask
from automation.enums import CallState, FailureKind
from automation.llm.base import Prompt, Usage
from automation.llm.pricing import Price
from automation.llm.purposes import qualification
from automation.llm.purposes.qualification import Material, Verdicts
from automation.models import Breaker, LlmBudget, LlmCall, LlmSpend, LlmText
from tests.automation.asking.conftest import judgements, material, set_up


def judge(one: Material | None = None) -> Asked[Verdicts]:
    return ask(qualification.PURPOSE, one or material(), people=[7])


def used() -> int:
    return sum(LlmBudget.objects.values_list("used", flat=True))


def cost(tokens_in: int, tokens_out: int) -> int:
    price = configuration.price_of("small")
    assert price is not None
    return price.cost(Usage(tokens_in, tokens_out))


def the_call() -> LlmCall:
    return LlmCall.objects.get()


def test_an_answer_is_checked_paid_and_kept(endpoint: LLMock) -> None:
    endpoint.reply(judgements())
    asked = judge()
    call = the_call()
    assert asked.by_model
    assert asked.answer.usable[1].evidence == "Light roasts"
    assert (call.state, call.failure, call.tries) == (CallState.ANSWERED, "", 1)
    assert call.tokens_in > 0
    assert call.cost == cost(call.tokens_in, call.tokens_out) == used() < call.reserved
    assert LlmText.objects.get().answer == judgements()


def test_what_was_answered_is_not_asked_again(endpoint: LLMock) -> None:
    endpoint.reply(judgements())
    first, paid = judge(), used()
    again = judge()
    assert (again.cached, again.answer, again.call_id) == (True, first.answer, first.call_id)
    assert used() == paid
    assert len(endpoint.requests) == 1
    assert LlmSpend.objects.get(outcome="cached").calls == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(429, FailureKind.RATE), (500, FailureKind.SERVER), (503, FailureKind.SERVER)]
)
def test_a_passing_failure_is_tried_again_and_paid_once(
    endpoint: LLMock, no_pauses: list[float], status: int, kind: FailureKind
) -> None:
    endpoint.fail(status, times=2, retry_after=2)
    endpoint.reply(judgements())
    asked = judge()
    assert asked.by_model
    assert the_call().tries == 3
    assert no_pauses == [2.0, 2.0]
    assert used() == the_call().cost
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(("status", "kind"), [(429, FailureKind.RATE), (500, FailureKind.SERVER)])
def test_a_failure_that_lasts_ends_in_its_kind_and_costs_nothing(
    endpoint: LLMock, status: int, kind: FailureKind
) -> None:
    endpoint.fail(status, times=None)
    asked = judge()
    assert (asked.failure, asked.by_model, asked.transient) == (kind, False, True)
    assert asked.answer.unusable == {1: "No model answered; the rules left it open."}
    assert (the_call().state, the_call().failure, the_call().cost) == (CallState.FAILED, kind, 0)
    assert used() == 0
    assert len(endpoint.requests) == 3


def test_a_long_pause_is_left_to_whoever_comes_back(endpoint: LLMock, no_pauses: list[float]) -> None:
    endpoint.rate_limit(times=None, retry_after=600)
    asked = judge()
    assert (asked.failure, asked.retry_after, no_pauses) == (FailureKind.RATE, 600.0, [])
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "invalid_api_key", FailureKind.KEY),
        (403, None, FailureKind.KEY),
        (402, None, FailureKind.BUDGET),
        (429, "insufficient_quota", FailureKind.BUDGET),
        (400, "context_length_exceeded", FailureKind.REQUEST),
        (400, "content_filter", FailureKind.REFUSAL),
        (404, "model_not_found", FailureKind.REQUEST),
    ],
)
def test_what_will_not_pass_is_not_tried_again(
    endpoint: LLMock, status: int, code: str | None, kind: FailureKind
) -> None:
    endpoint.fail(status, code=code, times=None)
    assert judge().failure == kind
    assert (the_call().state, the_call().cost, the_call().tries) == (CallState.FAILED, 0, 1)
    assert used() == 0
    assert len(endpoint.requests) == 1
    assert not Breaker.objects.filter(failures__gt=0).exists()


@pytest.mark.parametrize(
    ("text", "finish", "kind"),
    [
        ("I cannot help with that.", "content_filter", FailureKind.REFUSAL),
        (judgements()[:40], "length", FailureKind.CUT_OFF),
        (judgements()[:40], "stop", FailureKind.NONSENSE),
        ("The lead fits very well!", "stop", FailureKind.NONSENSE),
        ("{}", "stop", FailureKind.NONSENSE),
        ("[]", "stop", FailureKind.NONSENSE),
        ('{"judgements": []}', "stop", FailureKind.NONSENSE),
        (judgements(lead=7), "stop", FailureKind.NONSENSE),
        (judgements(group=9), "stop", FailureKind.NONSENSE),
        (judgements(fit="yes"), "stop", FailureKind.NONSENSE),
        (judgements(send_email=True), "stop", FailureKind.NONSENSE),
        (judgements("cold brew"), "stop", FailureKind.NONSENSE),
        (judgements(""), "stop", FailureKind.NONSENSE),
        ("\ud83d\x00".encode(errors="replace").decode(), "stop", FailureKind.NONSENSE),
    ],
)
def test_an_answer_that_cannot_be_used_is_paid_once_and_says_why(
    endpoint: LLMock, text: str, finish: str, kind: FailureKind
) -> None:
    endpoint.add(Reply(text, finish_reason=finish, times=None))
    asked = judge()
    call = the_call()
    assert (asked.failure, asked.transient) == (kind, False)
    assert asked.answer.unusable
    assert (call.state, call.failure, call.tries) == (CallState.FAILED, kind, 1)
    assert call.detail
    assert call.cost == cost(call.tokens_in, call.tokens_out) == used() > 0
    assert len(endpoint.requests) == 1


def test_a_slow_answer_is_lost_and_counts_as_paid(endpoint: LLMock) -> None:
    set_up(endpoint.base_url("openai"), answer_seconds=1)
    endpoint.delay(3)
    asked = judge()
    call = the_call()
    assert (asked.failure, call.state) == (FailureKind.NETWORK, CallState.LOST)
    assert "may have been charged" in call.detail
    assert call.cost == call.reserved == used()
    assert call.tries == 1  # asking again at once would pay a second time


def test_a_slow_answer_within_its_time_is_an_answer(endpoint: LLMock) -> None:
    endpoint.delay(1).reply(judgements())
    assert judge().by_model


@pytest.fixture
def broken_endpoint(db: None) -> Iterator[list[bytes]]:
    """A server that takes every request whole and answers with what the test puts here, then closes."""
    answers: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received = b""
                while b"\r\n\r\n" not in received or not received.rstrip().endswith(b"}"):
                    received += connection.recv(65536)
                connection.sendall(answers[0])

    threading.Thread(target=serve, daemon=True).start()
    set_up(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
    yield answers
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BROKEN = {
    "dropped": b"",
    "truncated": OK + b'Content-Length: 900\r\n\r\n{"id": "x", "choices": [{"mess',
    "no json": b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
    "half json": OK + b"\r\n{",
    "no completion": OK + b"\r\n[]",
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=list(BROKEN))
def test_an_answer_that_breaks_off_is_lost_and_counts_as_paid(
    broken_endpoint: list[bytes], answer: bytes
) -> None:
    broken_endpoint.append(answer)
    asked = judge()
    assert not asked.by_model
    assert the_call().tries == 1
    assert the_call().cost == the_call().reserved == used()
    assert asked.failure in (FailureKind.NETWORK, FailureKind.NONSENSE)


def test_an_endpoint_nobody_listens_at_costs_nothing_and_opens_its_breaker(db: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    set_up(f"http://127.0.0.1:{port}/v1")
    assert judge().failure == FailureKind.NETWORK
    assert the_call().tries == 3
    judge()
    assert Breaker.objects.get(key="llm").opened_at is not None
    closed = judge()
    assert (closed.failure, used()) == (FailureKind.SERVER, 0)


def test_without_a_model_every_purpose_has_a_written_answer(db: None) -> None:
    asked = judge()
    assert (asked.failure, asked.by_model) == (FailureKind.NO_MODEL, False)
    assert asked.answer.unusable[1]
    assert not LlmCall.objects.exists()
    assert LlmSpend.objects.get().outcome == "written"


def test_a_model_without_a_price_is_not_called(endpoint: LLMock) -> None:
    configuration.LlmPrice.objects.all().delete()
    assert judge().failure == FailureKind.REQUEST
    assert not endpoint.requests


@pytest.mark.parametrize(
    "address", ["http://10.0.0.1/v1", "http://169.254.169.254/v1", "http://[::ffff:10.0.0.1]/v1"]
)
def test_an_address_that_leads_inside_is_refused_at_connect(endpoint: LLMock, address: str) -> None:
    configuration.LlmSettings.objects.update(url=address)
    asked = judge()
    assert asked.failure == FailureKind.REQUEST
    assert "private network" in asked.detail
    assert used() == 0


def test_the_most_a_call_can_cost_is_never_too_little() -> None:
    price = Price(Decimal(1), Decimal(1))
    prompt = Prompt("ä" * 50, "日本" * 50, {"type": "object"}, longest=10)
    assert price.most(prompt) >= 100 + 300 + 10
