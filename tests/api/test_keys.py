"""Keys and sessions: recognised, refused, noted; made and ended by command."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_keys, scopes
from accounts.models import ApiKey
from leads.models import Person
from tests.api.conftest import Caller, by_key, make_role, make_user


def caller(text: str) -> Caller:
    return Caller({"Authorization": f"Bearer {text}"})


def test_good_key_is_answered(admin: User) -> None:
    _, text = api_keys.create_key(owner=admin, name="x", allowed=["tags:read"], by=admin)
    assert caller(text).get("/tags").status_code == 200


BAD_HEADERS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer nonsense",
    "Basic YTpi",
    "Bearer " + "x" * 10_000,
    "Bearer \xfc",
]


@pytest.mark.parametrize("header", BAD_HEADERS, ids=lambda header: header[:16])
def test_bad_key_is_401_and_says_how(db: None, header: str) -> None:
    response = Caller({"Authorization": header}).get("/tags")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


def test_bad_key_is_not_rescued_by_a_session(admin: User) -> None:
    browser = Caller({"Authorization": "Bearer nonsense"}, user=admin)
    assert browser.get("/tags").status_code == 401


def test_key_that_ended_is_401(admin: User) -> None:
    keys = [api_keys.create_key(owner=admin, name="x", allowed=["tags:read"], by=admin) for _ in range(3)]
    ApiKey.objects.filter(pk=keys[0][0].pk).update(expires_at=timezone.now())
    api_keys.revoke_key(keys[1][0], by=admin)
    assert [caller(text).get("/tags").status_code for _, text in keys] == [401, 401, 200]
    User.objects.filter(pk=admin.pk).update(is_active=False)
    assert caller(keys[2][1]).get("/tags").status_code == 401


def test_scope_without_the_permission_is_403_and_names_it(db: None) -> None:
    response = by_key(make_user(), "people:read").get("/people")
    assert (response.status_code, response.json()["error"]) == (403, "permission_missing")
    assert "leads.view_person" in response.json()["message"]


def test_permission_without_the_scope_is_403_and_names_it(admin: User) -> None:
    response = by_key(admin, "people:read").post("/people", {})
    assert (response.status_code, response.json()["error"]) == (403, "scope_missing")
    assert "people:write" in response.json()["message"]


def test_key_cannot_make_one_that_may_more_or_longer(admin: User) -> None:
    ends = timezone.now() + timedelta(days=1)
    _, text = api_keys.create_key(
        owner=admin, name="x", allowed=["keys:write", "tags:read"], by=admin, expires_at=ends
    )
    body = {"name": "y", "scopes": ["tags:read"], "expires_at": ends.isoformat()}
    assert caller(text).post("/keys", body).status_code == 201
    assert caller(text).post("/keys", {**body, "scopes": ["people:write"]}).status_code == 403
    assert caller(text).post("/keys", {**body, "expires_at": None}).status_code == 403
    assert ApiKey.objects.count() == 2


def test_key_of_somebody_else_cannot_be_revoked(api: Caller) -> None:
    other = make_role("operator")
    key, _ = api_keys.create_key(owner=other, name="x", allowed=["tags:read"], by=other)
    assert api.post(f"/keys/{key.pk}/revoke").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


def test_use_is_noted_at_most_once_a_minute(admin: User) -> None:
    key, text = api_keys.create_key(owner=admin, name="x", allowed=["tags:read"], by=admin)
    api_keys.recognise(text)
    key.refresh_from_db()
    noted = key.last_used_at
    with CaptureQueriesContext(connection) as queries:
        api_keys.recognise(text)
    assert [q["sql"].split()[0] for q in queries] == ["SELECT"]
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    api_keys.recognise(text)
    key.refresh_from_db()
    assert noted is not None
    assert key.last_used_at > noted


def test_session_needs_the_csrf_token_to_change_something(admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    assert client.get("/api/v1/people").status_code == 200
    refused = client.post("/api/v1/people", {}, content_type="application/json")
    assert (refused.status_code, refused.json()["error"], Person.objects.count()) == (403, "csrf_failed", 0)
    client.get("/api/v1/docs")
    token = client.cookies["csrftoken"].value
    done = client.post(
        "/api/v1/people",
        {"first_name": "Ann"},
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert done.status_code == 201


def test_key_needs_no_csrf_token(api: Caller) -> None:
    api.client.handler.enforce_csrf_checks = True
    assert api.post("/people", {}).status_code == 201


def test_command_makes_a_key_that_works(admin: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command(
        "create_api_key", admin.username, "--scope", "tags:read", "--scope", "people:read", "--expires", "90d"
    )
    text = capsys.readouterr().out.strip()
    key = ApiKey.objects.get()
    assert caller(text).get("/tags").status_code == 200
    assert (key.scopes, round((key.expires_at - timezone.now()) / timedelta(days=1))) == (
        ["people:read", "tags:read"],
        90,
    )


def test_command_prints_json_and_gives_all_scopes(admin: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_api_key", admin.username, "--all-scopes", "--expires", "2099-01-31", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert (printed["scopes"], printed["expires_at"]) == (sorted(scopes.ALL), "2099-01-31T00:00:00+00:00")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody", "--scope", "tags:read"], 'no user "nobody"'),
        (["root", "--scope", "people:fly"], "not a scope"),
        (["root"], "at least one scope"),
        (["root", "--scope", "tags:read", "--expires", "soon"], "is no date"),
        (["root", "--scope", "tags:read", "--expires", "2001-01-01"], "expired already"),
        (["root", "--scope", "tags:read", "--name", " "], "Give the key a name"),
    ],
)
def test_command_says_what_is_wrong(db: None, arguments: list[str], message: str) -> None:
    User.objects.create_user("root")
    with pytest.raises(CommandError, match=message):
        call_command("create_api_key", *arguments)
    assert not ApiKey.objects.exists()


def test_command_revokes_by_number_or_beginning(admin: User, capsys: pytest.CaptureFixture[str]) -> None:
    keys = [api_keys.create_key(owner=admin, name="x", allowed=["tags:read"], by=admin) for _ in range(2)]
    call_command("revoke_api_key", str(keys[0][0].pk))
    call_command("revoke_api_key", keys[1][0].prefix)
    assert "is revoked" in capsys.readouterr().out
    assert [caller(text).get("/tags").status_code for _, text in keys] == [401, 401]
    with pytest.raises(CommandError, match="no key"):
        call_command("revoke_api_key", "outreach_nothing")
