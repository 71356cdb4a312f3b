"""What staff set: checked, audited, in force at once; and the key, which goes nowhere it was not given for."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from llmock.pytest_plugin import LLMock

from automation.asking import configuration
from automation.asking.gateway import ask
from automation.enums import FailureKind
from automation.llm.purposes import qualification
from automation.models import LlmCall, LlmSettings, LlmText
from monitoring.models import Event
from outreach.lib import crypto, events, retention
from tests.automation.asking.conftest import KEY, judgements, material, set_up

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ftp://127.0.0.1/v1"},
        {"url": "http://10.0.0.1/v1"},
        {"url": "http://user:secret@127.0.0.1/v1"},
        {"url": "http://127.0.0.1/v1?key=secret"},
        {"url": "http://no-such-host.invalid/v1"},
        {"budget": -1},
        {"budget_window": "week"},
        {"calls_at_once": 0},
        {"calls_at_once": 51},
        {"answer_seconds": 0},
        {"judge_batch": 0},
        {"judge_version": "99"},
        {"small_model": "unpriced"},
        {"answer_form": "poem"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(changes: dict[str, Any]) -> None:
    set_up(URL)
    before = LlmSettings.objects.values().get()
    with pytest.raises(ValidationError):
        configuration.change(by="test", **changes)
    assert LlmSettings.objects.values().get() == before


def test_a_change_is_audited_without_the_key() -> None:
    set_up(URL)
    configuration.change(by="ada", budget=7, key="sk-canary-other")
    event = Event.objects.filter(name="llmsettings.changed").latest("pk")
    assert event.by == "ada"
    assert event.data["changes"]["budget"] == ["20.00", "7"]
    assert "sk-canary" not in json.dumps(list(Event.objects.values("data")), default=str)


def test_a_change_that_changes_nothing_says_nothing() -> None:
    set_up(URL)
    count = Event.objects.count()
    configuration.change(by="ada", calls_at_once=5)
    assert Event.objects.count() == count


def test_the_key_is_encrypted_at_rest_and_turns_with_the_others(settings: Any) -> None:
    set_up(URL)
    assert configuration.current().key == KEY

    def stored() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT key FROM automation_llmsettings")
            return str(cursor.fetchone()[0])

    first = stored()
    assert KEY not in first
    settings.ENCRYPTION_KEYS = [crypto.new_key(), *settings.ENCRYPTION_KEYS]
    call_command("rotate_keys", verbosity=0)
    assert stored() != first
    assert configuration.current().key == KEY


def test_a_key_does_not_follow_to_another_address() -> None:
    set_up(URL)
    configuration.change(by="test", url="http://127.0.0.1:10/v1")
    assert configuration.current().key is None
    configuration.change(by="test", url=URL, key="new")
    assert configuration.current().key == "new"


def test_the_environments_key_goes_to_the_environments_address_only(settings: Any) -> None:
    settings.LLM_URL, settings.LLM_API_KEY = "https://models.example.org/v1/", "sk-env"
    held = LlmSettings()
    found = configuration.endpoint(held)
    assert found is not None
    assert (found.url, found.key) == ("https://models.example.org/v1", "sk-env")
    other = configuration.endpoint(LlmSettings(url=URL))
    assert other is not None
    assert other.key == ""
    assert "sk-env" not in repr(found)


def test_a_setting_holds_for_the_next_call(endpoint: LLMock) -> None:
    endpoint.reply(judgements(), times=None)
    assert ask(qualification.PURPOSE, material()).model == "small"
    configuration.change(by="test", small_model="good")
    assert ask(qualification.PURPOSE, material("Light roasts here")).model == "good"
    configuration.change(by="test", url="")
    assert ask(qualification.PURPOSE, material("Light roasts there")).failure == FailureKind.NO_MODEL


@pytest.mark.parametrize(
    ("form", "kind"), [("json_schema", "json_schema"), ("json_object", "json_object"), ("words", None)]
)
def test_the_endpoint_is_told_the_form_in_its_own_way(endpoint: LLMock, form: str, kind: str | None) -> None:
    configuration.change(by="test", answer_form=form, length_name="max_completion_tokens")
    endpoint.reply(f"```json\n{judgements()}\n```" if form == "words" else judgements())
    assert ask(qualification.PURPOSE, material()).by_model
    body = endpoint.requests[0].body
    assert body["max_completion_tokens"] > 0
    assert (body.get("response_format") or {}).get("type") == kind
    assert ("JSON schema" in body["messages"][0]["content"]) == (form != "json_schema")


@pytest.mark.parametrize("status", [None, 401, 500])
def test_the_key_is_in_no_prompt_no_ledger_and_no_log(
    endpoint: LLMock, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    caplog.set_level(logging.DEBUG)
    if status:
        endpoint.fail(status, message=f"Incorrect API key provided: {KEY}", times=None)
    else:
        endpoint.reply(judgements())
    ask(qualification.PURPOSE, material())
    assert KEY not in json.dumps([request.body for request in endpoint.requests])
    kept = [*LlmCall.objects.values(), *LlmText.objects.values(), *Event.objects.values("data")]
    assert KEY not in json.dumps(kept, default=str)
    assert KEY not in caplog.text


def test_when_people_go_their_words_go_and_the_cost_stays(endpoint: LLMock) -> None:
    endpoint.reply(judgements(), times=None)
    ask(qualification.PURPOSE, material(), people=[7, 8])
    ask(qualification.PURPOSE, material("Light roasts elsewhere"), people=[9])
    events.emit("person.deleted", model="leads.person", ids=[8])
    assert LlmText.objects.get().people == [9]
    assert LlmCall.objects.count() == 2


def test_texts_go_after_the_days_that_staff_have_set(endpoint: LLMock) -> None:
    endpoint.reply(judgements(), times=None)
    ask(qualification.PURPOSE, material())
    LlmText.objects.update(created_at=timezone.now() - timedelta(days=8))
    configuration.change(cache_days=9, by="test")
    retention.run(rest=0)
    assert LlmText.objects.exists()
    configuration.change(cache_days=7, by="test")
    retention.run(rest=0)
    assert not LlmText.objects.exists()
    assert LlmCall.objects.exists()
