"""The frontier, its plans and opportunities over the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.enums import ActionKind
from automation.enums import LookState, OpportunityState
from automation.models import DiscoveryPlan, FrontierEntry, Source, Task
from tests import factories
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)


def test_source_that_is_run_gives_the_page_that_is_being_read(api: Caller) -> None:
    account = factories.make_lane().account
    source = Source.objects.create(kind="search", network="sandbox", query="tea", account=account)
    first, again = (api.post(f"/sources/{source.pk}/run").json() for _ in range(2))
    assert first == again
    assert (first["state"], first["task_id"], first["source_id"]) == (
        LookState.QUEUED, Task.objects.get().pk, source.pk,
    )  # fmt: skip
    assert account.handle in first["why"]


def test_look_is_added_once_listed_hurried_and_called_off(api: Caller) -> None:
    body = {"network": "sandbox", "kind": "related", "query": "@Ann"}
    added = [api.post("/frontier", body) for _ in range(2)]
    assert [answer.status_code for answer in added] == [202, 202]
    first, second = (answer.json() for answer in added)
    assert first == second
    assert (first["query"], first["state"], first["account_id"]) == ("ann", "waiting", None)
    assert api.get("/frontier", state="waiting", kind="related").json()["data"] == [first]
    assert api.get("/frontier", kind="search").json()["data"] == []
    assert api.post(f"/frontier/{first['id']}/run").json()["priority"] == 1
    assert api.post(f"/frontier/{first['id']}/cancel").json()["state"] == "dropped"
    refused = api.post(f"/frontier/{first['id']}/run")
    assert (refused.status_code, refused.json()["message"]) == (409, "It does not wait any more.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "profile", "query": "ann"}, "POST /profiles"),
        ({"kind": "related", "query": "a b"}, "is not a handle"),
        ({"kind": "search", "query": "tea", "network": "instagram"}, "does not search people"),
        ({"kind": "search", "query": "tea", "network": "nowhere"}, "cannot do this"),
    ],
)
def test_look_that_cannot_be_read_is_refused(api: Caller, body: dict[str, str], words: str) -> None:
    answer = api.post("/frontier", {"network": "sandbox", **body})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not FrontierEntry.objects.exists()


def test_plan_is_shown_and_changed_field_by_field(api: Caller) -> None:
    changed = api.send(
        "patch", "/discovery-plans/sandbox", {"opportunities_wanted": 250, "expand": True}
    ).json()
    assert (changed["daily_looks"], changed["opportunities_wanted"], changed["expand"]) == (5000, 250, True)
    factories.make_opportunity()
    DiscoveryPlan.objects.update(used=9, used_on=timezone.now().date() - timedelta(days=1))
    [plan] = api.get("/discovery-plans").json()["data"]
    assert (plan["used_today"], plan["opportunities_at_hand"]) == (0, 1)
    assert api.send("patch", "/discovery-plans/nowhere", {}).status_code == 404
    assert api.send("patch", "/discovery-plans/sandbox", {"refresh_days": 0}).status_code == 422


def test_opportunity_is_replied_to_once(api: Caller) -> None:
    opportunity, account = factories.make_opportunity("Which tea?"), factories.make_lane().account
    [shown] = api.get("/opportunities", state="open").json()["data"]
    assert (shown["text"], shown["handle"], shown["topics"]) == (
        "Which tea?",
        opportunity.profile.handle,
        ["tea"],
    )
    body = {"account_id": account.pk, "text": "Assam!"}
    answer = api.post(f"/opportunities/{opportunity.pk}/reply", body)
    assert (answer.status_code, answer.json()["kind"]) == (202, ActionKind.REPLY)
    assert api.post(f"/opportunities/{opportunity.pk}/reply", body).status_code == 409
    assert api.post(f"/opportunities/{opportunity.pk}/dismiss").status_code == 409
    assert Task.objects.count() == 1
    assert api.get(f"/opportunities/{opportunity.pk}").json()["state"] == OpportunityState.TAKEN
