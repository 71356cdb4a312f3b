"""Every endpoint for every caller, as the table says; an endpoint without a row fails."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from accounts import scopes
from outreach.api import api as the_api
from tests import factories
from tests.api.conftest import Caller, Multipart, World, by_key, make_role

READ, WRITE, ADMIN = "viewer", "operator", "administrator"  # the least role that may
RANKS = ("anonymous", "outsider", READ, WRITE, ADMIN)


@dataclass(frozen=True)
class Row:
    """One endpoint; ``{name}`` in its path and ``"{name}"`` in its body are ids of the world."""

    call: str
    scope: str
    least: str = READ
    status: int = 200
    body: Any = None

    @property
    def method(self) -> str:
        return self.call.split()[0]

    @property
    def path(self) -> str:
        return self.call.split()[1]

    def __str__(self) -> str:
        return self.call


ACCOUNT = {"network": "sandbox", "handle": "new", "server": "http://127.0.0.1:1", "secret": {"token": "t"}}
SOURCE = {"kind": "search", "network": "sandbox", "query": "tea", "account_id": "{account}"}
HANDLES = {"network": "sandbox", "handles": ["stranger"], "account_id": "{account}"}
REPLY = {"account_id": "{account}", "text": "Assam!"}
STEP = {"kind": "dm", "variants": [{"text": "Hello {first_name}"}]}
CAMPAIGN = {"name": "Spring", "network": "sandbox", "steps": [STEP], "account_ids": ["{account}"]}
CSV = SimpleUploadedFile("people.csv", b"email\nbo@example.org\n", "text/csv")
ACCOUNTS_CSV = SimpleUploadedFile("accounts.csv", b"network,handle\nsandbox,a\n", "text/csv")
PICTURE = SimpleUploadedFile("beans.png", factories.make_picture(), "image/png")
RULES = {"match": "all", "rules": [{"field": "language", "is": "one_of", "value": ["de"]}]}
TABLE = [
    Row("GET /networks", "accounts:read"),
    Row("GET /accounts", "accounts:read"),
    Row("POST /accounts", "accounts:write", ADMIN, 201, ACCOUNT),
    Row("GET /accounts/{account}", "accounts:read"),
    Row("PATCH /accounts/{account}", "accounts:write", WRITE, 200, {"niche": "coffee"}),
    Row("PUT /accounts/{account}/credentials", "accounts:write", ADMIN, 200, {"secret": {"token": "u"}}),
    Row("PUT /accounts/{account}/proxy", "accounts:write", ADMIN, 200, {"url": ""}),
    Row("PUT /accounts/{account}/chat-accounts", "accounts:write", WRITE, 200, {"account_ids": ["{chat}"]}),
    Row("POST /accounts/{account}/pause", "accounts:act", WRITE, 200, {"reason": "Holiday"}),
    Row("POST /accounts/{account}/resume", "accounts:act", WRITE),
    Row("POST /accounts/{account}/disable", "accounts:act", WRITE),
    Row("POST /accounts/{account}/verify", "accounts:act", WRITE, 202),
    Row("GET /accounts/{account}/limits", "limits:read"),
    Row("PUT /accounts/{account}/limits", "limits:write", ADMIN, 200, {"kind": "dm", "limit": 5}),
    Row("GET /accounts/{account}/warm-ups", "limits:read"),
    Row("PUT /accounts/{account}/warm-ups", "limits:write", ADMIN, 200, {"kind": "follow"}),
    Row("POST /accounts/{account}/warm-ups/pause", "limits:write", ADMIN, 200, {"kind": "dm"}),
    Row("POST /accounts/{account}/warm-ups/resume", "limits:write", ADMIN, 200, {"kind": "dm"}),
    Row("POST /accounts/{account}/warm-ups/end", "limits:write", ADMIN, 200, {"kind": "dm"}),
    Row("GET /limits", "limits:read"),
    Row("PUT /limits", "limits:write", ADMIN, 200, {"network": "sandbox", "kind": "dm", "limit": 50}),
    Row("DELETE /limits/{limit}", "limits:write", ADMIN),
    Row("GET /people", "people:read"),
    Row("POST /people", "people:write", WRITE, 201, {"first_name": "Ann"}),
    Row("GET /people/{person}", "people:read"),
    Row("PATCH /people/{person}", "people:write", WRITE, 200, {"company": "Beans"}),
    Row("POST /people/{person}/suppress", "people:write", WRITE, 200, {"reason": "opt_out"}),
    Row("POST /people/{person}/convert", "people:write", WRITE),
    Row("POST /people/{person}/archive", "people:write", WRITE),
    Row("POST /people/{person}/restore", "people:write", WRITE),
    Row("POST /people/{person}/stage", "people:write", WRITE, 200, {"stage": "won"}),
    Row("POST /people/{person}/tags", "people:write", WRITE, 200, {"add": ["tea"], "remove": ["coffee"]}),
    Row("GET /people/{person}/notes", "people:read"),
    Row("POST /people/{person}/notes", "people:write", WRITE, 201, {"text": "Likes tea"}),
    Row("POST /people/{person}/profiles", "profiles:write", WRITE, 201, {"network": "email", "handle": "ann@example.org"}),
    Row("POST /people/qualify", "people:write", WRITE, 200, {"person_ids": ["{person}"]}),
    Row("GET /people/{person}/decisions", "people:read"),
    Row("POST /people/{person}/decisions", "people:write", WRITE, 201, {"verdict": "qualified", "reason": "Roasts coffee"}),
    Row("GET /tags", "tags:read"),
    Row("GET /profiles", "profiles:read"),
    Row("POST /profiles", "profiles:write", WRITE, 202, HANDLES),
    Row("GET /profiles/{profile}", "profiles:read"),
    Row("POST /profiles/{profile}/refresh", "profiles:write", WRITE, 202, {"account_id": "{account}"}),
    Row("GET /suppressions", "suppressions:read"),
    Row("POST /suppressions", "suppressions:write", WRITE, 201, {"network": "email", "handle": "bo@example.org"}),
    Row("GET /suppressions/{suppression}", "suppressions:read"),
    Row("POST /suppressions/{suppression}/lift", "suppressions:write", ADMIN, 200, {"reason": "She wrote to us"}),
    Row("GET /imports", "imports:read"),
    Row("POST /imports", "imports:write", WRITE, 202, Multipart(file=CSV)),
    Row("GET /imports/{import}", "imports:read"),
    Row("GET /imports/{import}/rows", "imports:read"),
    Row("POST /imports/{import}/commit", "imports:write", WRITE, 202),
    Row("PUT /imports/{import}/mapping", "imports:write", WRITE, 202, {"mapping": {"email": "email"}}),
    Row("POST /imports/{import}/cancel", "imports:write", WRITE),
    Row("GET /exports", "exports:read"),
    Row("POST /exports", "exports:write", WRITE, 202, {"format": "json", "segment_id": "{segment}"}),
    Row("GET /exports/{export}", "exports:read"),
    Row("GET /exports/{export}/file", "exports:write", WRITE),
    Row("POST /exports/{export}/cancel", "exports:write", WRITE),
    Row("GET /segments", "segments:read"),
    Row("POST /segments", "segments:write", WRITE, 201, {"name": "New", "rules": RULES}),
    Row("GET /segments/fields", "segments:read"),
    Row("POST /segments/count", "segments:read", READ, 200, {"rules": RULES}),
    Row("GET /segments/{segment}", "segments:read"),
    Row("PATCH /segments/{segment}", "segments:write", WRITE, 200, {"description": "Who reads German"}),
    Row("DELETE /segments/{segment}", "segments:write", ADMIN, 204),
    Row("GET /segments/{segment}/people", "segments:read"),
    Row("GET /lists", "lists:read"),
    Row("POST /lists", "lists:write", WRITE, 201, {"name": "New"}),
    Row("GET /lists/{list}", "lists:read"),
    Row("DELETE /lists/{list}", "lists:write", ADMIN, 204),
    Row("GET /lists/{list}/people", "lists:read"),
    Row("POST /lists/{list}/add", "lists:write", WRITE, 200, {"person_ids": ["{person}"]}),
    Row("POST /lists/{list}/remove", "lists:write", WRITE, 200, {"person_ids": ["{person}"]}),
    Row("GET /duplicates", "people:read"),
    Row("GET /duplicates/{duplicate}", "people:read"),
    Row("POST /duplicates/{duplicate}/dismiss", "people:write", WRITE),
    Row("POST /people/{person}/merge", "people:write", WRITE, 201, {"gone_id": "{twin}"}),
    Row("GET /merges", "people:read"),
    Row("GET /merges/{merge}", "people:read"),
    Row("POST /merges/{merge}/undo", "people:write", WRITE),
    Row("GET /breakers", "tasks:read"),
    Row("GET /accounts/{account}/rate", "accounts:read"),
    Row("GET /browser", "tasks:read"),
    Row("GET /tasks", "tasks:read"),
    Row("GET /tasks/{pending}", "tasks:read"),
    Row("POST /tasks/{pending}/cancel", "tasks:act", WRITE),
    Row("POST /tasks/{failed}/retry", "tasks:act", WRITE, 202),
    Row("POST /tasks/{unclear}/decide", "tasks:act", WRITE, 200, {"took_place": False}),
    Row("POST /tasks/{pending}/prioritise", "tasks:act", WRITE, 200, {"priority": 1}),
    Row("GET /campaigns", "campaigns:read"),
    Row("POST /campaigns", "campaigns:write", WRITE, 201, CAMPAIGN),
    Row("GET /campaigns/{draft_campaign}", "campaigns:read"),
    Row("PUT /campaigns/{draft_campaign}/steps", "campaigns:write", WRITE, 200, {"steps": [STEP]}),
    Row("POST /campaigns/{draft_campaign}/enrol", "campaigns:write", WRITE, 200, {"person_ids": ["{person}"]}),
    Row("POST /campaigns/{draft_campaign}/enrol-group", "campaigns:write", WRITE, 202, {"segment_id": "{segment}"}),
    Row("GET /campaigns/{draft_campaign}/enrolments", "campaigns:read"),
    Row("GET /campaigns/{draft_campaign}/group-enrolments", "campaigns:read"),
    Row("GET /group-enrolments/{group_enrolment}", "campaigns:read"),
    Row("POST /group-enrolments/{group_enrolment}/cancel", "campaigns:write", WRITE),
    Row("PUT /campaigns/{draft_campaign}/segment", "campaigns:write", WRITE, 200, {"segment_id": "{segment}"}),
    Row("POST /campaigns/{draft_campaign}/start", "campaigns:act", WRITE),
    Row("POST /campaigns/{running_campaign}/pause", "campaigns:act", WRITE),
    Row("POST /campaigns/{paused_campaign}/resume", "campaigns:act", WRITE),
    Row("POST /campaigns/{running_campaign}/cancel", "campaigns:act", WRITE),
    Row("GET /posts", "posts:read"),
    Row("POST /posts", "posts:write", WRITE, 201, {"text": "Fresh beans", "account_ids": ["{account}"]}),
    Row("GET /posts/{draft_post}", "posts:read"),
    Row("PATCH /posts/{draft_post}", "posts:write", WRITE, 200, {"text": "Fresher beans"}),
    Row("POST /posts/{draft_post}/images", "posts:write", WRITE, 201, Multipart(picture=PICTURE)),
    Row("GET /posts/{draft_post}/images/{image}", "posts:read"),
    Row("PATCH /posts/{draft_post}/images/{image}", "posts:write", WRITE, 200, {"alt": "A sack of beans"}),
    Row("DELETE /posts/{draft_post}/images/{image}", "posts:write", WRITE),
    Row("POST /posts/{draft_post}/submit", "posts:write", WRITE),
    Row("POST /posts/{pending_review_post}/approve", "posts:act", WRITE),
    Row("POST /posts/{approved_post}/reject", "posts:act", WRITE, 200, {"reason": "Too long"}),
    Row("POST /posts/{approved_post}/schedule", "posts:act", WRITE, 202, {"account_id": "{account}"}),
    Row("GET /publications", "posts:read"),
    Row("GET /publications/{publication}", "posts:read"),
    Row("POST /publications/{publication}/unschedule", "posts:act", WRITE),
    Row("GET /conversations", "conversations:read"),
    Row("GET /conversations/{conversation}", "conversations:read"),
    Row("GET /conversations/{conversation}/messages", "conversations:read"),
    Row("POST /conversations/{conversation}/reply", "conversations:act", WRITE, 202, {"text": "Gladly"}),
    Row("POST /conversations/{conversation}/hand-over", "conversations:write", WRITE, 200, {"account_id": "{chat}"}),
    Row("POST /conversations/{conversation}/assign", "conversations:write", WRITE, 200, {"user_id": "{user}"}),
    Row("POST /conversations/{conversation}/interest", "conversations:write", WRITE, 200, {"interest": "interested"}),
    Row("POST /conversations/{conversation}/read", "conversations:write", WRITE),
    Row("PUT /conversations/{conversation}/labels", "conversations:write", WRITE, 200, {"labels": ["Hot"]}),
    Row("GET /sources", "sources:read"),
    Row("POST /sources", "sources:write", WRITE, 201, SOURCE),
    Row("GET /sources/{source}", "sources:read"),
    Row("POST /sources/{source}/run", "sources:act", WRITE, 202),
    Row("POST /sources/{source}/stop", "sources:act", WRITE),
    Row("GET /frontier", "sources:read"),
    Row("POST /frontier", "sources:write", WRITE, 202, {"network": "sandbox", "kind": "search", "query": "tea"}),
    Row("GET /frontier/{look}", "sources:read"),
    Row("POST /frontier/{look}/run", "sources:act", WRITE, 202),
    Row("POST /frontier/{look}/cancel", "sources:act", WRITE),
    Row("GET /discovery-plans", "sources:read"),
    Row("PATCH /discovery-plans/{network}", "sources:write", ADMIN, 200, {"daily_looks": 100}),
    Row("GET /opportunities", "opportunities:read"),
    Row("GET /opportunities/{opportunity}", "opportunities:read"),
    Row("POST /opportunities/{opportunity}/reply", "opportunities:act", WRITE, 202, REPLY),
    Row("POST /opportunities/{opportunity}/dismiss", "opportunities:act", WRITE),
    Row("POST /accounts/try", "accounts:write", ADMIN, 200, ACCOUNT),
    Row("GET /onboardings", "onboardings:read"),
    Row("POST /onboardings", "onboardings:write", ADMIN, 202, {"accounts": [ACCOUNT]}),
    Row("POST /onboardings/csv", "onboardings:write", ADMIN, 202, Multipart(file=ACCOUNTS_CSV)),
    Row("GET /onboardings/{onboarding}", "onboardings:read"),
    Row("GET /onboardings/{onboarding}/rows", "onboardings:read"),
    Row("GET /onboardings/{onboarding}/failed.csv", "onboardings:read"),
    Row("POST /onboardings/{onboarding}/stop", "onboardings:act", WRITE),
    Row("POST /onboardings/{stopped_onboarding}/resume", "onboardings:act", WRITE),
    Row("GET /handle-checks", "handles:read"),
    Row("POST /handle-checks", "handles:write", WRITE, 202, {"brand": "Blue Kettle", "networks": ["sandbox"]}),
    Row("GET /handle-checks/{handle_check}", "handles:read"),
    Row("GET /profiles/{profile}/figures", "profiles:read"),
    Row("GET /enrichments", "profiles:read"),
    Row("POST /enrichments/retry", "profiles:write", WRITE, 202, {"step": "language"}),
    Row("GET /profiles/{profile}/enrichment", "profiles:read"),
    Row("POST /profiles/{profile}/enrichment/run", "profiles:write", WRITE, 202, {"steps": ["language"]}),
    Row("GET /decisions", "people:read"),
    Row("POST /decisions/{decision}/label", "people:write", WRITE, 200, {"right": True}),
    Row("GET /agreement", "people:read"),
    Row("POST /prompt-trials", "model:act", WRITE, 202, {"version": "2"}),
    Row("GET /target-groups", "people:read"),
    Row("POST /target-groups", "people:write", WRITE, 201, {"name": "Bakers", "description": "They bake."}),
    Row("PATCH /target-groups/{group}", "people:write", WRITE, 200, {"daily_quota": 3}),
    Row("GET /model/settings", "model:read"),
    Row("PATCH /model/settings", "model:write", ADMIN, 200, {"budget": 5}),
    Row("GET /model/prices", "model:read"),
    Row("PUT /model/prices", "model:write", ADMIN, 200, {"model": "small", "input_price": 1, "output_price": 2}),
    Row("GET /model/spend", "model:read"),
    Row("GET /model/calls", "model:read"),
    Row("GET /model/calls/{call}", "model:read"),
    Row("POST /model/calls/{call}/replay", "model:act", WRITE, 202),
    Row("GET /keys", "keys:read", ADMIN),
    Row("POST /keys", "keys:write", ADMIN, 201, {"name": "new", "scopes": ["keys:write"]}),
    Row("POST /keys/{key}/revoke", "keys:write", ADMIN),
]  # fmt: skip


def filled(value: Any, world: World) -> Any:
    """``value`` with the world's ids in place of their names."""
    if isinstance(value, Multipart):
        for file in value.values():
            file.seek(0)
        return value
    if isinstance(value, dict):
        return {key: filled(item, world) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, world) for item in value]
    if isinstance(value, str) and re.fullmatch(r"\{\w+\}", value) and value[1:-1] in world:
        return world[value[1:-1]]
    return value


def status_of(caller: Caller, row: Row, world: World, **headers: str) -> int:
    """What the caller is answered; whatever it did is undone."""
    with transaction.atomic():
        response = caller.send(row.method, row.path.format(**world), filled(row.body, world), **headers)
        transaction.set_rollback(True)
    if response.status_code >= 400:
        assert set(response.json()) - {"fields"} == {"error", "message", "code", "request_id"}
    return int(response.status_code)


def test_table_has_one_row_per_endpoint() -> None:
    schema = the_api.get_openapi_schema(path_prefix="")
    served = {
        (m.upper(), re.sub(r"\{[^}]+\}", "{}", p)) for p, methods in schema["paths"].items() for m in methods
    }
    assert sorted({(row.method, re.sub(r"\{[^}]+\}", "{}", row.path)) for row in TABLE}) == sorted(served)
    assert len(TABLE) == len(served)


# Who may ask is what is looked at here, not what a network answers.
@pytest.mark.usefixtures("networks_that_say_yes")
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_endpoint_answers_each_caller_as_the_table_says(row: Row, world: World) -> None:
    admin, viewer = world_admin(world), make_role(READ)
    sessions = {
        "anonymous": Caller(),
        "outsider": Caller(user=make_role("outsider")),
        READ: Caller(user=viewer),
    }
    sessions |= {WRITE: Caller(user=make_role(WRITE)), ADMIN: Caller(user=admin)}
    keys = {
        "key with the scope": by_key(admin, row.scope),
        "key with every other scope": by_key(admin, *(scope for scope in scopes.ALL if scope != row.scope)),
        "viewer's key with every scope": by_key(viewer),
    }
    may = {role: row.status if RANKS.index(role) >= RANKS.index(row.least) else 403 for role in RANKS}
    expected = may | {
        "anonymous": 401,
        "key with the scope": row.status,
        "key with every other scope": 403,
        "viewer's key with every scope": may[READ],
    }
    assert {name: status_of(caller, row, world) for name, caller in (sessions | keys).items()} == expected


def world_admin(world: World) -> User:
    return User.objects.get(pk=world["user"])
