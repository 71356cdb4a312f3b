"""Lists: each row once while others arrive, filters that are typed, queries that do not grow with rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import count, islice
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_keys
from accounts.models import Limit
from automation.content.images import add_image
from automation.enums import Reason, TaskState
from automation.models import (
    Decision,
    GroupEnrolment,
    HandleCheck,
    Hold,
    Message,
    OnboardingRow,
    OnboardingRun,
    Post,
    Publication,
    Source,
    TargetGroup,
)
from leads.enums import Lifecycle
from leads.models import (
    Duplicate,
    Export,
    Import,
    ImportRow,
    ListMember,
    Merge,
    Note,
    Person,
    PersonList,
    ProfileFigures,
    Segment,
    SegmentMember,
    Suppression,
    Tag,
)
from outreach.api import api as the_api
from outreach.lib.errors import ApiError
from outreach.lib.pagination import page
from tests import factories
from tests.api.conftest import Caller, World

_numbers = count(100)


def walk(api: Caller, path: str, limit: int, between: Callable[[], object] = lambda: None) -> list[int]:
    """The ids of every row, page by page, with something happening after each page."""
    found: list[int] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        answer = api.get(path, **query).json()
        found += [row["id"] for row in answer["data"]]
        if not answer["pagination"]["has_more"]:
            assert answer["pagination"]["next_cursor"] is None
            return found
        query["cursor"] = answer["pagination"]["next_cursor"]
        between()


@pytest.mark.parametrize("limit", [1, 3, 5, 10, 200])
def test_walk_gives_each_row_once_while_rows_arrive(api: Caller, limit: int) -> None:
    ids = [factories.make_person().pk for _ in range(10)]
    assert walk(api, "/people", limit, factories.make_person) == sorted(ids, reverse=True)


def test_walk_passes_over_rows_that_go_away(api: Caller) -> None:
    ids = [factories.make_person().pk for _ in range(6)]

    def lose_the_oldest() -> None:
        Person.objects.filter(pk=Person.objects.earliest("pk").pk).delete()

    assert walk(api, "/people", 2, lose_the_oldest) == sorted(ids, reverse=True)[:4]


def test_answered_conversations_stay_on_their_page(api: Caller) -> None:
    conversations = [factories.make_conversation(last_message_at=timezone.now()) for _ in range(4)]

    def answer() -> None:
        type(conversations[0]).objects.filter(pk=conversations[0].pk).update(last_message_at=timezone.now())

    assert walk(api, "/conversations", 2, answer) == [c.pk for c in reversed(conversations)]


def test_page_asks_one_query_and_never_counts(db: None) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page(Person.objects.all(), cursor=None, limit=5)
    assert len(queries) == 1
    assert "COUNT" not in queries[0]["sql"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "MTI", "YmVmb3JlOi0x", "YmVmb3JlOjEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "=" * 50]
)
def test_cursor_that_no_page_gave_is_refused(db: None, cursor: str) -> None:
    with pytest.raises(ApiError, match="not one we gave"):
        page(Person.objects.all(), cursor=cursor, limit=5)


def people(number: int, world: World) -> None:
    for n in islice(_numbers, number):
        person = factories.make_profile(found_by_id=world["account"]).person
        person.tags.add(Tag.objects.create(name=f"tag{n}"))


def tasks(number: int, world: World) -> None:
    for _ in range(number):
        factories.make_task(campaign_id=world["draft_campaign"], profile_id=world["profile"])


def campaigns(number: int, world: World) -> None:
    for _ in range(number):
        campaign = factories.make_campaign()
        campaign.accounts.set([world["account"], world["chat"]])
        factories.make_enrolment(campaign)


def posts(number: int, world: World) -> None:
    for n in range(number):
        post = Post.objects.create(text=f"Post {n}")
        Publication.objects.create(post=post, account_id=world["account"])
        Publication.objects.create(post=post, account_id=world["chat"])
        add_image(post=post, upload=factories.make_picture(), by="test")


def many(make: Callable[[int, World], object]) -> Callable[[int, World], None]:
    def fill(number: int, world: World) -> None:
        for n in islice(_numbers, number):
            make(n, world)

    return fill


LISTS: dict[str, Callable[[int, World], None]] = {
    "/accounts": many(lambda n, w: factories.make_account(owner_id=w["user"])),
    "/limits": many(lambda n, w: Limit.objects.create(account=factories.make_account(), kind="dm", limit=n)),
    "/people": people,
    "/people?q=person": people,
    "/people/{person}/notes": many(
        lambda n, w: Note.objects.create(person_id=w["person"], text="x", author_id=w["user"])
    ),
    "/people/{person}/decisions": many(
        lambda n, w: Decision.objects.create(
            person_id=w["person"], verdict="open", reason="x", decided_by_id=w["user"]
        )
    ),
    "/decisions": many(
        lambda n, w: Decision.objects.create(person_id=w["person"], verdict="open", reason="x", judge="model")
    ),
    "/target-groups": many(lambda n, w: TargetGroup.objects.create(name=f"group {n}", description="x")),
    "/model/calls": many(lambda n, w: factories.make_llm_call()),
    "/profiles": many(lambda n, w: factories.make_profile(found_by_id=w["account"])),
    "/enrichments": many(lambda n, w: factories.make_profile(bio="Roasts coffee")),
    "/profiles/{profile}/figures": many(
        lambda n, w: ProfileFigures.objects.create(
            profile_id=w["profile"], day=date(2020, 1, 1) + timedelta(days=n), followers_count=n
        )
    ),
    "/tags": many(lambda n, w: Tag.objects.create(name=f"tag{n}")),
    "/suppressions": many(
        lambda n, w: Suppression.objects.create(network="email", address_hash=str(n), person_id=w["person"])
    ),
    "/imports": many(lambda n, w: Import.objects.create(name=f"{n}.csv", created_by_id=w["user"])),
    "/imports/{import}/rows": many(
        lambda n, w: ImportRow.objects.create(
            import_run_id=w["import"], number=n + 3, outcome="created", person_id=w["person"]
        )
    ),
    "/breakers": many(lambda n, w: factories.make_lane(breaker_opened_at=timezone.now(), failures=5)),
    "/tasks": tasks,
    "/campaigns": campaigns,
    "/campaigns/{draft_campaign}/enrolments": many(
        lambda n, w: factories.make_enrolment(
            type(factories.make_campaign()).objects.get(pk=w["draft_campaign"])
        )
    ),
    "/campaigns/{draft_campaign}/group-enrolments": many(
        lambda n, w: GroupEnrolment.objects.create(
            campaign_id=w["draft_campaign"],
            segment=Segment.objects.create(name=f"segment {n}"),
            created_by_id=w["user"],
        )
    ),
    "/posts": posts,
    "/publications": posts,
    "/conversations": many(lambda n, w: factories.make_conversation(assignee_id=w["user"])),
    "/conversations/{conversation}/messages": many(
        lambda n, w: Message.objects.create(
            conversation_id=w["conversation"], direction="in", sent_at=timezone.now()
        )
    ),
    "/sources": many(
        lambda n, w: Source.objects.create(
            kind="search", network="sandbox", query=f"q{n}", account_id=w["account"]
        )
    ),
    "/frontier": many(lambda n, w: factories.make_look(account_id=w["account"], source_id=w["source"])),
    "/opportunities": many(lambda n, w: factories.make_opportunity()),
    "/onboardings": many(lambda n, w: OnboardingRun.objects.create(name=f"{n}.csv", created_by_id=w["user"])),
    "/onboardings/{onboarding}/rows": many(
        lambda n, w: OnboardingRow.objects.create(
            run_id=w["onboarding"], number=n + 2, handle="a", account=factories.make_account()
        )
    ),
    "/handle-checks": many(lambda n, w: HandleCheck.objects.create(brand=f"brand {n}")),
    "/segments": many(lambda n, w: Segment.objects.create(name=f"segment {n}", created_by_id=w["user"])),
    "/segments/{segment}/people": many(
        lambda n, w: SegmentMember.objects.create(segment_id=w["segment"], person=factories.make_person())
    ),
    "/lists": many(lambda n, w: PersonList.objects.create(name=f"list {n}", created_by_id=w["user"])),
    "/lists/{list}/people": many(
        lambda n, w: ListMember.objects.create(
            list_id=w["list"], person=factories.make_person(), added_by_id=w["user"]
        )
    ),
    "/duplicates": many(
        lambda n, w: Duplicate.objects.create(
            first=factories.make_person(), second=factories.make_person(), score=70
        )
    ),
    "/merges": many(
        lambda n, w: Merge.objects.create(
            kept=factories.make_person(), gone_id=n, gone_name="Ann", created_by_id=w["user"]
        )
    ),
    "/exports": many(
        lambda n, w: Export.objects.create(
            segment=Segment.objects.create(name=f"segment {n}"), created_by_id=w["user"]
        )
    ),
    "/keys": many(
        lambda n, w: api_keys.create_key(owner=_user(w), name=f"{n}", allowed=["people:read"], by=None)
    ),
}


def _user(world: World) -> User:
    return User.objects.get(pk=world["user"])


def test_every_paged_list_has_its_query_count_tested() -> None:
    schema = the_api.get_openapi_schema(path_prefix="")
    paged = {
        path.split("/{")[0] + path.partition("}")[2]
        for path, methods in schema["paths"].items()
        for parameter in methods.get("get", {}).get("parameters", ())
        if parameter["name"] == "cursor"
    }
    tested = {path.split("/{")[0] + path.partition("}")[2] for path in (p.partition("?")[0] for p in LISTS)}
    assert tested == paged


@pytest.mark.parametrize("path", LISTS)
def test_list_asks_as_many_queries_for_30_rows_as_for_3(api: Caller, world: World, path: str) -> None:
    address = path.format(**world)
    api.get(address)  # the key's use is noted once a minute
    LISTS[path](3, world)
    few, some_rows = _queries(api, address)
    LISTS[path](30, world)
    more, many_rows = _queries(api, address)
    assert many_rows > some_rows + 20
    assert few == more
    assert more <= 12


def _queries(api: Caller, path: str) -> tuple[int, int]:
    with CaptureQueriesContext(connection) as queries:
        response = api.get(path + ("&" if "?" in path else "?") + "limit=200")
    assert response.status_code == 200
    return len(queries), len(response.json()["data"])


def test_filters_choose_rows(api: Caller, world: World) -> None:
    contact = factories.make_person(display_name="Zoe", company="Beans Inc", lifecycle=Lifecycle.CONTACT)
    factories.make_profile("zoe@example.org", network="email", person=contact)
    quiet = factories.make_person(suppressed_at=timezone.now())

    def ids(path: str, **query: Any) -> list[int]:
        return [row["id"] for row in api.get(path, **query).json()["data"]]

    assert ids("/people", lifecycle="contact") == [contact.pk]
    assert ids("/people", q="beans") == [contact.pk]
    assert ids("/people", q="Zoe@Example.org") == [contact.pk]
    assert ids("/people", suppressed="true") == [quiet.pk]
    assert quiet.pk not in ids("/people", suppressed="false")
    assert ids("/people", tag="coffee") == [world["person"]]
    assert ids("/profiles", network="email", handle="Zoe@example.ORG") == [contact.profiles.get().pk]
    assert ids("/tasks", state="unknown") == [world["unclear"]]
    assert ids("/conversations", unread="true") == [world["conversation"]]
    assert ids("/conversations", unread="false") == []
    assert ids("/posts", status="approved") == [world["approved_post"]]


def test_task_tells_the_reason_that_counts_and_when_it_may_run(api: Caller, world: World) -> None:
    until = timezone.now() + timedelta(hours=3)
    lane_id = api.get(f"/tasks/{world['pending']}").json()["account_id"]
    Hold.objects.create(
        lane_id=lane_id, kind="", reason=Reason.RATE_LIMITED, detail="429 from the network", until=until
    )
    task = api.get(f"/tasks/{world['pending']}").json()
    assert (task["reason"], task["detail"]) == ("rate_limited", "429 from the network")
    assert task["next_at"][:19] == until.isoformat()[:19]
    listed = {
        row["id"]: row["reason"] for row in api.get("/tasks", state=TaskState.PENDING.value).json()["data"]
    }
    assert listed[world["pending"]] == "rate_limited"


def test_limits_of_an_account_are_explained_with_their_winner(api: Caller, world: World) -> None:
    stacks = {
        stack["kind"]: stack["lines"]
        for stack in api.get(f"/accounts/{world['account']}/limits").json()["data"]
    }
    assert [(line["source"], line["limit"], line["wins"]) for line in stacks["dm"]] == [
        ("account", 40, True),
        ("warm_up", 50, False),
    ]
