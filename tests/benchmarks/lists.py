"""Every list of the admin and the API with a thousand people and with a million: milliseconds a page, and queries."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from tests.benchmarks import environment, figures, report

from django.contrib import admin  # isort: skip
from django.contrib.auth.models import User  # isort: skip
from django.db import connection  # isort: skip
from django.test import Client  # isort: skip
from django.test.utils import CaptureQueriesContext  # isort: skip
from django.urls import reverse  # isort: skip

from accounts import api_keys, scopes  # isort: skip
from automation.models import Campaign, Conversation  # isort: skip
from leads.models import Import, Person  # isort: skip
from outreach.api import api as the_api  # isort: skip
from outreach.lib.pagination import cursor_after  # isort: skip
from tests.benchmarks import crowd  # isort: skip

SUMMARY = (
    "Every list page of the admin and the API, asked for through the whole of Django by one client, by turns in a database with "
    "1,000 people and in one with a million (as many tasks, messages and rows of imports, half as many enrolments). "
    "`worst_ratio` compares medians of a page with itself; `far_*` is page 10,000 beside page 1; `search_*` are searches and "
    "filters among all."
)
SMALL = 1_000
FAR = 10_000  # pages
FEW = "outreach_few"  # the database with a thousand people
EACH_TURN = 5  # pages asked of one database before it is the other's turn
PER_PAGE = 50
# A page of a few milliseconds differs by half from one run to the next: below this a ratio says nothing.
NOISE_MS = 5.0

Ask = Callable[[], Any]


def main() -> None:
    options = arguments()
    with environment.installation():
        report.publish("lists", SUMMARY, measured(options), options)


def arguments() -> Namespace:
    parser = report.parser("How lists fare when there is a lot to list.")
    parser.add_argument("--people", type=int, default=1_000_000, help="People there are (default 1,000,000).")
    parser.add_argument(
        "--rounds", type=int, default=20, help="How often each page is asked for (default 20)."
    )
    return parser.parse_args()


def measured(options: Namespace) -> dict[str, Any]:
    """Each list small and big, then what only the big one has."""
    grow(0, SMALL)
    staff, api = clients()
    pages = {**admin_pages(staff), **api_pages(api)}
    environment.copy_database("outreach", FEW)
    grow(SMALL, options.people)
    took = {name: timed_in_both(ask, options.rounds) for name, ask in pages.items()}
    small, big = ({name: found[which] for name, found in took.items()} for which in (FEW, "outreach"))
    queries = {name: queries_of(ask) for name, ask in pages.items()}
    middle = {
        name: (figures.percentile(small[name], 0.5), figures.percentile(big[name], 0.5)) for name in pages
    }
    ratios = {name: after / max(before, NOISE_MS) for name, (before, after) in middle.items()}
    slowest = {name: figures.percentile(took, 0.95) for name, took in big.items()}
    for name in sorted(ratios, key=lambda one: -ratios[one])[:15]:
        report.say(
            f"{ratios[name]:5.2f}x  {middle[name][0]:7.1f} -> {middle[name][1]:7.1f} ms  {queries[name]:3}  {name}"
        )
    return {
        "people": options.people, "pages": len(pages),
        "worst_ratio": figures.rounded(max(ratios.values())), "worst_page": max(ratios, key=lambda one: ratios[one]),
        "slowest_p95_ms": figures.rounded(max(slowest.values())),
        "slowest_page": max(slowest, key=lambda one: slowest[one]), "most_queries": max(queries.values()),
        **far(staff, api, options), **searches(staff, options),
    }  # fmt: skip


def grow(before: int, people: int) -> None:
    """More people, and statistics that know of them."""
    began = time.monotonic()
    crowd.grow(before, people)
    environment.rows("VACUUM ANALYZE")
    environment.checkpoint()
    report.say(f"{people:,} people in {time.monotonic() - began:.0f} s")


def clients() -> tuple[Client, Client]:
    """An administrator in the admin, and one with a key for the API."""
    user = User.objects.create_superuser("administrator")
    _, key = api_keys.create_key(owner=user, name="benchmark", allowed=scopes.ALL, by=user)
    staff = Client()
    staff.force_login(user)
    return staff, Client(headers={"Authorization": f"Bearer {key}"})


def admin_pages(staff: Client) -> dict[str, Ask]:
    """The list of every registered model."""
    names = sorted(f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry)
    return {f"admin {name}": asking(staff, reverse(f"admin:{name}_changelist")) for name in names}


def api_pages(api: Client) -> dict[str, Ask]:
    """Every paged list of the API that is no list of a single row's belongings, and three that are."""
    paths = [
        path for path, methods in the_api.get_openapi_schema(path_prefix="")["paths"].items()
        if any(parameter["name"] == "cursor" for parameter in methods.get("get", {}).get("parameters", ()))
        and "{" not in path
    ]  # fmt: skip
    paths += [
        f"/imports/{Import.objects.latest('pk').pk}/rows",
        f"/campaigns/{Campaign.objects.latest('pk').pk}/enrolments",
        f"/conversations/{Conversation.objects.earliest('pk').pk}/messages",
    ]
    return {f"api {path}": asking(api, f"/api/v1{path}", limit=PER_PAGE) for path in sorted(paths)}


def far(staff: Client, api: Client, options: Namespace) -> dict[str, float]:
    """Page 10,000 (or the last but one, where there are fewer) beside page 1."""
    page = min(FAR, options.people // PER_PAGE - 1)
    skipped = (page - 1) * PER_PAGE
    before = Person.objects.order_by("-pk").values_list("pk", flat=True)[skipped - 1]
    people = reverse("admin:leads_person_changelist")
    pairs = {
        "api": (
            asking(api, "/api/v1/people", limit=PER_PAGE),
            asking(api, "/api/v1/people", limit=PER_PAGE, cursor=cursor_after(before)),
        ),
        "admin": (asking(staff, people), asking(staff, people, p=page)),
    }
    found: dict[str, float] = {}
    for name, asks in pairs.items():
        first, last = (figures.percentile(timed(ask, options.rounds), 0.5) for ask in asks)
        found |= {f"far_{name}_ms": figures.rounded(last), f"far_{name}_ratio": figures.ratio(last, first)}
    return found


def searches(staff: Client, options: Namespace) -> dict[str, Any]:
    """What people type and choose, the rare and the common; 95th percentiles in milliseconds."""
    leads, tasks = reverse("admin:leads_lead_changelist"), reverse("admin:automation_task_changelist")
    inbox, profiles = (
        reverse(f"admin:{name}_changelist") for name in ("automation_conversation", "leads_profile")
    )
    asks = {
        "rare word": asking(staff, leads, q=f"person{options.people // 2}"),
        "common word": asking(staff, leads, q="kowalski"),
        "two words": asking(staff, leads, q="anna roasters"),
        "no match": asking(staff, leads, q="zzzyyyxxx"),
        "tag": asking(staff, leads, tags__id__exact=1),
        "network": asking(staff, leads, network="email"),
        "rare stage": asking(staff, leads, stage__exact="won"),
        "said no": asking(staff, leads, suppressed="yes"),
        "by score": asking(staff, leads, o="-4"),
        "score range": asking(staff, leads, score_from=99, score_to=100),
        "tasks unknown": asking(staff, tasks, state__exact="unknown"),
        "tasks kind": asking(staff, tasks, kind__exact="dm"),
        "inbox unread": asking(staff, inbox, unread="yes"),
        "profiles of a network": asking(staff, profiles, network="email"),
        "profiles word": asking(staff, profiles, q="kowalski"),
    }
    took = {name: figures.percentile(timed(ask, options.rounds), 0.95) for name, ask in asks.items()}
    for name, milliseconds in sorted(took.items(), key=lambda pair: -pair[1]):
        report.say(f"{milliseconds:8.1f} ms p95  {name}")
    slowest = max(took, key=lambda name: took[name])
    return {"search_slowest_p95_ms": figures.rounded(took[slowest]), "search_slowest": slowest}


def asking(client: Client, path: str, **query: Any) -> Ask:
    """Something that asks for a page and insists on getting it."""

    def ask() -> Any:
        answer = client.get(path, query)
        assert answer.status_code == 200, f"{path} {query}: {answer.status_code}"
        return answer

    return ask


def timed(ask: Ask, rounds: int) -> list[float]:
    """Milliseconds of each of ``rounds`` pages, after one that warms up."""
    ask()
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return took


def timed_in_both(ask: Ask, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of a page in the small and in the big database, by turns: whatever else the machine does falls on both."""
    took: dict[str, list[float]] = {FEW: [], "outreach": []}
    for number in range(rounds // EACH_TURN or 1):
        for name in sorted(took, reverse=bool(number % 2)):
            environment.use_database(name)
            took[name] += timed(ask, EACH_TURN)
    environment.use_database("outreach")
    return took


def queries_of(ask: Ask) -> int:
    """How many statements a page takes."""
    with CaptureQueriesContext(connection) as queries:
        ask()
    return len(queries)


if __name__ == "__main__":
    main()
