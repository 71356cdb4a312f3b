"""Posts to reply to, on the sandbox network where people post when told to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account
from automation.channels.base import PostInfo
from automation.channels.sandbox.control import Control
from automation.discovery import budgets, harvest, opportunities, posts
from automation.discovery import services as discovery
from automation.engine import tasks
from automation.enums import LookOrigin, OpportunityState, Reason, Verdict
from automation.models import (
    DiscoveryPlan,
    FrontierEntry,
    Message,
    Opportunity,
    ProfilePost,
    QualificationRule,
    Source,
    Task,
)
from leads import consent
from leads.enums import Stage
from leads.models import Person, Profile
from tests.automation.conftest import run_lanes
from tests.automation.discovery.conftest import Somebody, explore, requested
from tests.factories import make_account, make_profile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plan() -> DiscoveryPlan:
    """Ten posts about tea are wanted at hand."""
    QualificationRule.objects.create(name="Tea", keywords=["tea"], network="sandbox")
    plan = budgets.plan_of("sandbox")
    plan.opportunities_wanted = 10
    return budgets.save_plan(plan, by=None)


def an_author(**fields: Any) -> Profile:
    profile = make_profile(
        found_by=fields.pop("found_by", None), fetched_at=timezone.now() - timedelta(days=1)
    )
    Person.objects.filter(pk=profile.person_id).update(stage=Stage.QUALIFIED, **fields)
    return profile


def posted(profile: Profile, text: str = "A pot of tea", *, hours: float = 1.0, replies: int = 0) -> str:
    """A post of so many hours ago, as a visit shows it; its id."""
    remote_id = f"p{ProfilePost.objects.count()}"
    at = timezone.now() - timedelta(hours=hours)
    posts.keep(profile, [PostInfo(remote_id, text, created_at=at, replies=replies)])
    return remote_id


# --- Posts -------------------------------------------------------------------------------------------------
def test_posts_are_kept_once_with_the_figures_of_the_last_visit() -> None:
    profile = make_profile()
    at = timezone.now()
    posts.keep(profile, [PostInfo("1", "First\0 words", "javascript:x", at, replies=1), PostInfo("", "lost")])
    posts.keep(profile, [PostInfo("1", "Edited", "https://x.example/1", at, replies=7)])
    post = ProfilePost.objects.get()
    assert (post.text, post.url, post.comments, post.posted_at, post.likes) == (
        "Edited", "https://x.example/1", 7, at, None,
    )  # fmt: skip


# --- Noticing ----------------------------------------------------------------------------------------------
def test_a_fresh_post_on_topic_is_noted_once(plan: DiscoveryPlan) -> None:
    author = an_author()
    posted(author, "Oolong #tea for breakfast")
    assert [opportunities.notice(author, plan) for _ in range(2)] == [1, 0]
    found = Opportunity.objects.get()
    assert (found.state, found.topics) == (OpportunityState.OPEN, ["tea"])
    assert timedelta(hours=22) < found.expires_at - timezone.now() < timedelta(hours=23, minutes=1)


@pytest.mark.parametrize(
    ("text", "hours", "person"),
    [
        ("Steamed buns", 1.0, {}),  # "tea" stands in a word of another
        ("A pot of tea", 24.1, {}),
        ("A pot of tea", -1.0, {}),  # a clock that is wrong
        ("A pot of tea", 1.0, {"stage": Stage.DISQUALIFIED}),
        ("A pot of tea", 1.0, {"suppressed_at": timezone.now()}),
    ],
)
def test_what_is_old_off_topic_or_of_the_wrong_people_is_not_noted(
    plan: DiscoveryPlan, text: str, hours: float, person: dict[str, Any]
) -> None:
    author = make_profile(fetched_at=timezone.now())
    Person.objects.filter(pk=author.person_id).update(**person)
    posted(author, text, hours=hours)
    assert opportunities.notice(author, plan) == 0


def test_a_post_we_replied_to_is_not_noted(plan: DiscoveryPlan, account: Account) -> None:
    author = an_author()
    remote_id = posted(author)
    tasks.add(
        tasks.NewTask(account.pk, ActionKind.REPLY, "x", profile=author, payload={"post_id": remote_id})
    )
    assert opportunities.notice(author, plan) == 0


def test_topics_are_the_words_of_rules_that_qualify_and_of_searches(account: Account) -> None:
    for number, fields in enumerate(
        ({"keywords": ["Tea"]}, {"keywords": ["shop"], "verdict": Verdict.DISQUALIFIED},
         {"keywords": ["old"], "active": False}, {"keywords": ["toot"], "network": "mastodon"})
    ):  # fmt: skip
        QualificationRule.objects.create(name=f"{number}", **fields)
    Source.objects.create(kind="search", network="sandbox", query="#Chai", account=account)
    assert opportunities.topics("sandbox") == ["chai", "tea"]


def test_the_freshest_of_people_who_fit_come_first_and_the_pool_is_bounded(plan: DiscoveryPlan) -> None:
    for hours in range(1, 21):
        author = an_author()
        posted(author, hours=hours)
        opportunities.notice(author, plan)
    stranger = make_profile(fetched_at=timezone.now())
    posted(stranger, hours=0.1)
    opportunities.notice(stranger, plan)
    assert opportunities.tidy(plan) == 9
    left = list(opportunities.pool("sandbox").order_by("-score").values_list("score", flat=True))
    assert len(left) == 12
    assert left[0] > left[-1]
    Opportunity.objects.filter(state="open").update(expires_at=timezone.now())
    assert opportunities.tidy(plan) == 12
    assert opportunities.pool("sandbox").count() == 0


# --- Harvesting --------------------------------------------------------------------------------------------
def test_authors_are_read_by_their_habit_when_few_posts_are_at_hand(
    plan: DiscoveryPlan, account: Account, somebody: Somebody, control: Control
) -> None:
    now_and_often, other_hours, silent, unfit = (
        somebody(found_by=account, fetched_at=timezone.now() - timedelta(hours=1)) for _ in range(4)
    )
    fitting = [one.person_id for one in (now_and_often, other_hours, silent)]
    Person.objects.filter(pk__in=fitting).update(stage=Stage.QUALIFIED)
    for days in (1, 2, 3):
        posted(now_and_often, hours=24 * days)
        posted(other_hours, hours=24 * days + 9)
        posted(unfit, hours=24 * days)
    ranked = harvest.authors("sandbox", timezone.now(), timedelta(minutes=30))
    assert ranked == [now_and_often.pk, other_hours.pk]
    control.write(now_and_often.handle, "The kettle is on: #tea")
    assert harvest.harvest_all() == 2
    assert harvest.harvest_all() == 0  # not again within minutes
    assert FrontierEntry.objects.filter(origin=LookOrigin.HARVEST).count() == 2
    explore()
    assert requested(control)["fetch_profile"] == 2
    assert list(opportunities.pool("sandbox").values_list("profile", flat=True)) == [now_and_often.pk]


def test_the_emptier_the_pool_the_sooner_people_are_read_again() -> None:
    pauses = [harvest._pause(at_hand, 250) for at_hand in (0, 49, 60, 199, 210, 250)]
    assert [pause and pause.total_seconds() / 3600 for pause in pauses] == [0.5, 0.5, 2, 2, 6, None]
    assert harvest._pause(0, 0) is None


def test_nothing_is_harvested_where_nobody_wants_it(account: Account) -> None:
    budgets.plan_of("sandbox")
    posted(an_author(found_by=account), hours=24)
    assert harvest.harvest_all() == 0


# --- Replying ----------------------------------------------------------------------------------------------
@pytest.fixture
def offered(plan: DiscoveryPlan, account: Account, somebody: Somebody, control: Control) -> Opportunity:
    """A post about tea that somebody wrote on the network just now."""
    author = somebody(found_by=account)
    control.write(author.handle, "Which tea for a grey day?")
    discovery.refresh(profile=author, account=account, by=None)
    explore()
    return Opportunity.objects.get()


def test_a_reply_is_sent_once_and_stands_in_the_conversation(
    offered: Opportunity, account: Account, control: Control
) -> None:
    task = discovery.reply(opportunity=offered, account=account, text=" Assam! ", by=None)
    with pytest.raises(ValueError, match="no longer open: reply on its way"):
        discovery.reply(opportunity=offered, account=account, text="Assam!", by=None)
    run_lanes()
    offered.refresh_from_db()
    assert (offered.state, offered.task_id) == (OpportunityState.REPLIED, task.pk)
    sent = [act for act in control.ledger() if act.send_id == str(task.send_id)]
    assert [(act.kind, act.target, act.text) for act in sent] == [("reply", offered.post.remote_id, "Assam!")]
    assert Message.objects.get(task=task).text == "Assam!"


def test_a_reply_that_is_refused_is_told(offered: Opportunity, account: Account, control: Control) -> None:
    control.delete_post(offered.post.remote_id)
    discovery.reply(opportunity=offered, account=account, text="Assam!", by=None)
    run_lanes()
    offered.refresh_from_db()
    assert offered.state == OpportunityState.FAILED
    assert offered.detail.startswith(Reason.NOT_FOUND.label)


def test_nobody_who_said_no_is_replied_to(offered: Opportunity, account: Account) -> None:
    consent.suppress_person(person_id=offered.profile.person_id, reason="manual", by=None)
    with pytest.raises(ValidationError, match="said no"):
        discovery.reply(opportunity=offered, account=account, text="Assam!", by=None)
    offered.refresh_from_db()
    assert offered.state == OpportunityState.DISMISSED
    assert not Task.objects.filter(kind=ActionKind.REPLY).exists()


def test_a_reply_that_cannot_be_sent_is_refused_before_anything_happens(
    offered: Opportunity, account: Account
) -> None:
    paused = make_account(status=AccountStatus.PAUSED)
    for given, words in (
        ({"text": " "}, "Write something"),
        ({"account": make_account(network="mastodon")}, "is not on sandbox"),
        ({"account": paused}, "does not work"),
    ):
        with pytest.raises(ValidationError, match=words):
            discovery.reply(**{"opportunity": offered, "account": account, "text": "Hi", "by": None, **given})
    offered.refresh_from_db()
    assert offered.state == OpportunityState.OPEN


def test_what_was_dismissed_is_not_offered_again(offered: Opportunity, plan: DiscoveryPlan) -> None:
    assert [discovery.dismiss([offered.pk], by=None) for _ in range(2)] == [1, 0]
    assert opportunities.notice(offered.profile, plan) == 0
    assert opportunities.pool("sandbox").count() == 0
