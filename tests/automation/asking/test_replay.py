"""Any call can be asked again: the same prompt, the same model, a new payment, and nothing follows from it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from llmock.pytest_plugin import LLMock

from automation import jobs
from automation.asking import configuration, gateway
from automation.asking.gateway import ask
from automation.enums import CallState, FailureKind
from automation.llm.base import ModelFailed
from automation.llm.purposes import qualification
from automation.models import Decision, LlmBudget, LlmCall, LlmText
from monitoring.models import Event
from tests.automation.asking.conftest import judgements, material

pytestmark = pytest.mark.django_db


@pytest.fixture
def call(endpoint: LLMock) -> LlmCall:
    endpoint.reply(judgements(), times=None)
    asked = ask(qualification.PURPOSE, material(), people=[7])
    return LlmCall.objects.get(pk=asked.call_id)


def test_a_replay_sends_the_same_and_is_paid_for(endpoint: LLMock, call: LlmCall) -> None:
    grace = User.objects.create(username="grace")
    again = gateway.replay(call, by=grace)
    first, second = (request.body for request in endpoint.requests)
    assert first == second
    assert (again.replay_of, again.asked_by, again.state) == (call, grace, CallState.ANSWERED)
    assert LlmBudget.objects.get().used == call.cost + again.cost
    assert LlmText.objects.get(call=again).people == [7]
    assert not Decision.objects.exists()
    assert Event.objects.get(name="llmcall.replayed").data["replay"] == again.pk


def test_a_replay_that_fails_says_so_in_its_own_row(endpoint: LLMock, call: LlmCall) -> None:
    endpoint.reset()
    endpoint.reply("I would rather not.", times=None)
    assert gateway.replay(call, by=None).failure == FailureKind.NONSENSE


def test_what_is_no_longer_kept_or_set_up_cannot_be_replayed(endpoint: LLMock, call: LlmCall) -> None:
    configuration.change(url="", by="test")
    with pytest.raises(ModelFailed):
        gateway.replay(call, by=None)
    LlmText.objects.all().delete()
    with pytest.raises(ValueError, match="no longer kept"):
        gateway.replay(call, by=None)


def test_the_job_asks_only_for_those_who_still_may(endpoint: LLMock, call: LlmCall) -> None:
    grace = User.objects.create(username="grace")
    jobs.replay_call(call.pk, grace.pk)
    assert LlmCall.objects.count() == 1
    grace.user_permissions.add(Permission.objects.get(codename="replay_llmcall"))
    jobs.replay_call(call.pk, grace.pk)
    jobs.replay_call(0, grace.pk)
    assert LlmCall.objects.count() == 2
