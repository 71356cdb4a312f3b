"""Inputs are closed: what we do not know changes nothing. Secrets go in and never come out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps

from accounts.models import Account, ApiKey, Credential
from leads.enums import SuppressionReason
from leads.models import Person, Suppression
from outreach.api import api as the_api
from tests.api.conftest import Caller, Multipart, World
from tests.api.test_access import CSV, TABLE, Row, filled

CANARY = "canary-7d1f0b"
WITH_BODY = [row for row in TABLE if isinstance(row.body, dict) and not isinstance(row.body, Multipart)]


def counted() -> dict[str, int]:
    """Rows of every table of ours, but for what requests themselves leave behind."""
    ours = [
        model
        for app in ("accounts", "leads", "automation")
        for model in apps.get_app_config(app).get_models()
    ]
    return {model._meta.label: model.objects.count() for model in ours}


def snapshot() -> str:
    """Everything that stands in our tables."""
    ours = [
        model
        for app in ("accounts", "leads", "automation")
        for model in apps.get_app_config(app).get_models()
    ]
    return str([list(m.objects.order_by("pk").values()) for m in ours if m not in (ApiKey, Credential)])


@pytest.mark.parametrize("row", WITH_BODY, ids=str)
@pytest.mark.parametrize("extra", ["surname", "id", "created_by_id"])
def test_unknown_field_is_refused_and_nothing_changes(
    api: Caller, world: World, row: Row, extra: str
) -> None:
    before = snapshot()
    response = api.send(row.method, row.path.format(**world), {**filled(row.body, world), extra: 1})
    assert response.status_code == 422
    assert response.json()["fields"] == {f"body.{extra}": ["Extra inputs are not permitted"]}
    assert snapshot() == before


@pytest.mark.parametrize("field", ["suppressed_at", "status", "verified_at", "secret", "hash", "network"])
def test_forbidden_field_of_an_account_cannot_be_set(api: Caller, world: World, field: str) -> None:
    before = snapshot()
    assert api.send("PATCH", f"/accounts/{world['account']}", {field: "active"}).status_code == 422
    assert snapshot() == before


def test_every_body_in_the_schema_is_closed() -> None:
    schema = the_api.get_openapi_schema(path_prefix="")
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for methods in schema["paths"].values()
        for operation in methods.values()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    named = {
        ref["$ref"].rsplit("/", 1)[1] for body in bodies for ref in body.get("anyOf", [body]) if "$ref" in ref
    }
    assert len(named) > 20
    assert [
        name
        for name in named
        if schema["components"]["schemas"][name].get("additionalProperties") is not False
    ] == []


def test_null_for_what_cannot_be_empty_is_refused(api: Caller, world: World) -> None:
    assert api.send("PATCH", f"/people/{world['person']}", {"company": None}).status_code == 422
    assert api.send("PATCH", f"/people/{world['person']}", {"score": None}).status_code == 200


def test_patch_changes_only_what_is_sent(api: Caller, world: World) -> None:
    api.send("PATCH", f"/people/{world['person']}", {"company": "Beans", "score": 80})
    api.send("PATCH", f"/people/{world['person']}", {"title": "Roaster"})
    person = Person.objects.get(pk=world["person"])
    assert (person.company, person.title, person.score) == ("Beans", "Roaster", 80)


def test_changed_time_zone_waits_for_the_next_midnight(api: Caller, world: World) -> None:
    account = api.send(
        "PATCH", f"/accounts/{world['account']}", {"time_zone": "Asia/Tokyo", "niche": "tea"}
    ).json()
    assert (account["time_zone"], account["next_time_zone"], account["niche"]) == ("UTC", "Asia/Tokyo", "tea")


def test_bad_part_of_a_change_leaves_the_good_part_undone(api: Caller, world: World) -> None:
    response = api.send(
        "PATCH", f"/accounts/{world['account']}", {"time_zone": "Mars/Olympus", "niche": "tea"}
    )
    assert (response.status_code, Account.objects.get(pk=world["account"]).niche) == (422, "")


@pytest.mark.usefixtures("networks_that_say_yes")
def test_secrets_are_in_no_answer(api: Caller, world: World) -> None:
    address = f"/accounts/{world['account']}"
    assert api.send("PUT", f"{address}/credentials", {"secret": {"token": CANARY}}).status_code == 200
    body = {
        "network": "sandbox",
        "handle": "new",
        "server": "http://127.0.0.1:1",
        "secret": {"token": CANARY},
    }
    answers = [
        api.post("/accounts", body),
        api.post("/accounts", body),
        api.post("/accounts", {**body, "foo": CANARY}),
    ]
    answers += [api.send("GET", row.path.format(**world)) for row in TABLE if row.method == "GET"]
    assert Credential.objects.get(account_id=world["account"]).secret == {"token": CANARY}
    assert [answer.status_code for answer in answers[:3]] == [201, 422, 422]
    contents = [b"".join(answer) for answer in answers]  # streamed ones, too
    assert [content for content in contents if CANARY.encode() in content] == []


def test_key_is_shown_once_and_kept_as_a_hash(api: Caller) -> None:
    made = api.post("/keys", {"name": "new", "scopes": ["people:read"]}).json()
    listed = api.get("/keys").content.decode()
    kept = json.dumps(list(ApiKey.objects.values()), default=str)
    assert made["key"].startswith(made["prefix"])
    assert made["key"] not in listed + kept
    assert len(made["key"]) >= 43


def test_suppressing_an_address_stops_the_person_who_gets_it(api: Caller, world: World) -> None:
    body = {"network": "email", "handle": "Ann@Example.org", "reason": "opt_out"}
    assert api.post("/suppressions", body).json()["reason"] == SuppressionReason.OPT_OUT
    assert api.post("/suppressions", body).status_code == 201
    assert Suppression.objects.filter(network="email").count() == 2  # with the world's own
    person = api.post("/people", {"profiles": [{"network": "email", "handle": "ann@example.org"}]}).json()
    assert person["suppressed_at"] is not None


def test_reply_to_somebody_who_said_no_is_refused(api: Caller, world: World) -> None:
    api.post(f"/people/{world['person']}/suppress")
    response = api.post(f"/conversations/{world['conversation']}/reply", {"text": "But why?"})
    assert (response.status_code, response.json()["error"]) == (409, "suppressed")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tasks/{failed}/cancel", None),
        ("/tasks/{pending}/retry", None),
        ("/tasks/{pending}/decide", {"took_place": True}),
        ("/campaigns/{running_campaign}/start", None),
        ("/campaigns/{draft_campaign}/pause", None),
        ("/posts/{approved_post}/submit", None),
        ("/posts/{draft_post}/schedule", {"account_id": "{account}"}),
    ],
)
def test_act_that_its_state_does_not_allow_is_a_conflict(
    api: Caller, world: World, path: str, body: Any
) -> None:
    before = snapshot()
    response = api.post(path.format(**world), filled(body, world))
    assert (response.status_code, response.json()["error"]) == (409, "conflict")
    assert len(response.json()["message"]) > 10
    assert snapshot() == before


def test_upload_is_a_dry_run_unless_said_otherwise(api: Caller, world: World) -> None:
    CSV.seek(0)
    assert api.send("POST", "/imports", Multipart(file=CSV)).json()["dry_run"] is True
    CSV.seek(0)
    mapped = api.send(
        "POST", "/imports", Multipart(file=CSV, dry_run="false", mapping='{"email": "email"}')
    ).json()
    assert (mapped["dry_run"], mapped["mapping"], mapped["status"]) == (False, {"email": "email"}, "pending")


@pytest.mark.parametrize(
    "mapping", ["[", "[]", '{"email": 1}', '{"fax": "email"}', '{"email": "fax"}', "[" * 20_000]
)
def test_upload_with_a_mapping_that_does_not_fit_is_refused(api: Caller, world: World, mapping: str) -> None:
    before = counted()
    CSV.seek(0)
    assert api.send("POST", "/imports", Multipart(file=CSV, mapping=mapping)).status_code == 422
    assert counted() == before
