"""One shape for every error, whoever makes it: routes, Django, the parser, a crash."""

from __future__ import annotations

import time
from typing import Any
from unittest import mock

import pytest
from django.test import Client

from leads.models import Person
from tests.api.conftest import Caller, World

ACCOUNT = {"network": "sandbox", "handle": "new", "server": "http://127.0.0.1:1", "secret": {"token": "t"}}
CAMPAIGN = {"name": "Spring", "network": "sandbox", "steps": [], "account_ids": [1]}
SHAPE = {"error", "message", "code", "request_id"}


def said(response: Any) -> tuple[int, str]:
    """Status and short word of an error, its shape checked."""
    body = response.json()
    assert set(body) - {"fields"} == SHAPE
    assert (body["code"], body["request_id"]) == (response.status_code, response["X-Request-ID"])
    return response.status_code, body["error"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/people/12345", (404, "not_found")),
        ("GET", "/people/99999999999999999999999999", (404, "not_found")),
        ("GET", "/people/abc", (404, "not_found")),
        ("GET", "/people/", (404, "not_found")),
        ("GET", "/nothing", (404, "not_found")),
        ("PUT", "/people", (405, "method_not_allowed")),
        ("GET", "/people?limit=0", (422, "invalid")),
        ("GET", "/people?limit=201", (422, "invalid")),
        ("GET", "/people?limit=many", (422, "invalid")),
        ("GET", "/people?cursor=!", (422, "invalid")),
        ("GET", "/people?cursor=YmVmb3JlOjA", (422, "invalid")),
        ("GET", "/people?stage=nowhere", (422, "invalid")),
        ("GET", "/people?surname=Ann", (422, "invalid")),
        ("GET", "/people?q=%00", (422, "invalid")),
        ("GET", "/profiles?handle=ann", (422, "invalid")),
        ("GET", "/conversations?since=yesterday", (422, "invalid")),
    ],
)
def test_error_has_the_shape_and_its_word(
    api: Caller, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert said(api.send(method, path)) == expected


def test_unknown_address_outside_v1_has_the_shape_too(db: None) -> None:
    assert said(Client().get("/api/v2/people")) == (404, "not_found")
    assert said(Client().get("/api")) == (404, "not_found")


def test_bad_host_has_the_shape(db: None) -> None:
    assert said(Client(headers={"host": "evil.example"}).get("/api/v1/people")) == (400, "bad_request")


def test_crash_is_500_with_the_shape_and_shows_nothing_of_itself(api: Caller) -> None:
    with mock.patch("leads.api.people.search_people", side_effect=RuntimeError("secret detail")):
        response = api.get("/people", q="ann")
    assert said(response) == (500, "server_error")
    assert b"secret detail" not in response.content


def test_wrong_method_names_those_that_work(api: Caller) -> None:
    response = api.send("DELETE", "/accounts")
    assert sorted(response["Allow"].split(", ")) == ["GET", "POST"]


def test_clients_request_id_is_kept_if_harmless(api: Caller) -> None:
    assert api.send("GET", "/tags", X_Request_ID="abc-123")["X-Request-ID"] == "abc-123"
    forged = api.send("GET", "/tags", X_Request_ID="abc injected=1")["X-Request-ID"]
    assert "injected" not in forged
    assert len(forged) == 32


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe{\x00}\x00",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"company":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"score": 1e999}',
        b'{"score": NaN}',
        b'{"score": Infinity}',
        b'{"score": ' + b"9" * 5_000 + b"}",
        b'{"company": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"company": "\\u0000"}',
        b'{"company": "a\x00b"}',
        b'{"company": ' + b'"' + b"a" * 3_000_000 + b'"}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_bad_body_is_refused_within_a_second_and_creates_nobody(api: Caller, body: bytes) -> None:
    began = time.monotonic()
    response = api.post("/people", body)
    assert time.monotonic() - began < 1
    assert said(response)[0] in (400, 413, 422)
    assert not Person.objects.exists()


def test_form_body_is_not_json(api: Caller) -> None:
    response = api.client.post("/api/v1/people", {"company": "Beans"})
    assert said(response) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/accounts", ACCOUNT | {"time_zone": "Mars/Olympus"}, "body.time_zone"),
        ("/accounts", ACCOUNT | {"network": "nowhere"}, "body.network"),
        ("/accounts", ACCOUNT | {"secret": {}}, "body.secret"),
        ("/accounts", ACCOUNT | {"limits": {"dm": -1}}, "body.limits.dm"),
        ("/accounts", ACCOUNT | {"owner_id": 999}, "body.owner_id"),
        ("/people", {"profiles": [{"network": "email"}]}, "body.profiles.0.handle"),
        ("/people", {"website": "not a page"}, "body.website"),
        (
            "/sources",
            {"kind": "search", "network": "sandbox", "query": "tea", "account_id": 999},
            "body.account_id",
        ),
        ("/campaigns", CAMPAIGN | {"steps": [{"kind": "sing"}]}, "body.steps.0.kind"),
        ("/campaigns", CAMPAIGN | {"steps": [{"kind": "follow", "delay": -1}]}, "body.steps.0.delay"),
        ("/keys", {"name": "new", "scopes": []}, "body.scopes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_input_names_its_field(api: Caller, path: str, body: Any, field: str) -> None:
    response = api.post(path, body)
    assert said(response) == (422, "invalid")
    assert list(response.json()["fields"]) == [field]


def test_handle_of_another_account_is_refused_in_any_letter_case(api: Caller, world: World) -> None:
    shown = api.get(f"/accounts/{world['account']}").json()
    body = ACCOUNT | {"handle": shown["handle"].upper()}
    response = api.post("/accounts", body)
    assert said(response) == (422, "invalid")
    assert "already" in response.json()["message"]


@pytest.mark.parametrize("limit", [-1, 2_147_483_648, 1.5, "many", None])
def test_limit_that_cannot_be_is_refused_and_the_old_one_stays(api: Caller, world: World, limit: Any) -> None:
    response = api.send("PUT", f"/accounts/{world['account']}/limits", {"kind": "dm", "limit": limit})
    assert said(response) == (422, "invalid")
    assert [row["limit"] for row in api.get("/limits").json()["data"]] == [40]


def test_reserve_above_its_limit_is_refused_and_a_smaller_one_is_told(api: Caller, world: World) -> None:
    path = f"/accounts/{world['account']}/limits"
    response = api.send("PUT", path, {"kind": "dm", "limit": 40, "reserve": 41})
    assert (said(response), list(response.json()["fields"])) == ((422, "invalid"), ["body.reserve"])
    assert api.send("PUT", path, {"kind": "dm", "limit": 40, "reserve": 15}).json()["reserve"] == 15
    (line, *_) = next(stack["lines"] for stack in api.get(path).json()["data"] if stack["kind"] == "dm")
    assert (line["limit"], line["reserve"], line["left"]) == (40, 15, 25 - line["used"])


def test_cursor_of_another_alphabet_is_refused_with_its_field(api: Caller) -> None:
    response = api.get("/people", cursor="ÿ")
    assert said(response) == (422, "invalid")
    assert list(response.json()["fields"]) == ["query.cursor"]
