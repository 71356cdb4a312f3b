"""Who calls, how they call, and a world with one of everything to call about."""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.utils import timezone

from accounts import api_keys, scopes
from accounts.models import Account, Limit, WarmUp
from automation.channels.base import AccountInfo
from automation.content.images import add_image
from automation.enums import (
    CampaignStatus,
    Judge,
    OnboardingState,
    PostStatus,
    PublicationState,
    SourceKind,
    TaskState,
)
from automation.models import (
    Decision,
    GroupEnrolment,
    HandleCheck,
    LlmPrice,
    LlmSettings,
    Message,
    OnboardingRun,
    Post,
    Publication,
    Source,
    Step,
    TargetGroup,
)
from automation.onboarding import connecting
from automation.onboarding.connecting import Tried, Wanted
from leads import consent, exporting, importing, merging, segments
from leads.enums import ImportStatus
from leads.models import Duplicate, Import, ImportRow, Note, Suppression, Tag
from tests import factories

_numbers = count(1)


class Caller:
    """Speaks JSON to the API as one user, by key or by session; paths are given without /api/v1."""

    def __init__(self, headers: dict[str, str] | None = None, user: User | None = None) -> None:
        self.headers = headers
        self.client = Client(headers=headers, raise_request_exception=False)
        if user is not None:
            self.client.force_login(user)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1{path}", query)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("post", path, body, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, Multipart):
            for file in body.values():
                if hasattr(file, "seek"):
                    file.seek(0)  # sent before, it stands at its end
            return self.client.post(f"/api/v1{path}", dict(body), headers=given)
        text = "" if body is None else body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.generic(method, f"/api/v1{path}", text, "application/json", headers=given)


class Multipart(dict[str, Any]):
    """A body that is a form with files."""


def make_user(*codenames: str, **fields: Any) -> User:
    """A user with these permissions, given as ``leads.view_person``."""
    user = User.objects.create_user(f"user{next(_numbers)}", password=None, **fields)
    chosen = [tuple(codename.split(".")) for codename in codenames]
    user.user_permissions.set(
        Permission.objects.get(content_type__app_label=app, codename=codename) for app, codename in chosen
    )
    return user


def make_role(name: str) -> User:
    """A user with one of the roles of staff; an outsider can log in and has none."""
    user = make_user(is_staff=name != "outsider")
    user.groups.set(Group.objects.filter(name=name.title()))
    return user


def by_key(user: User, *allowed: str) -> Caller:
    """A caller with a fresh key of the user's; every scope unless some are named."""
    _, text = api_keys.create_key(owner=user, name="test", allowed=allowed or scopes.ALL, by=user)
    return Caller({"Authorization": f"Bearer {text}"})


@pytest.fixture
def admin(db: None) -> User:
    return make_role("administrator")


@pytest.fixture
def api(admin: User) -> Caller:
    """An administrator's key with every scope."""
    return by_key(admin)


@pytest.fixture
def networks_that_say_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network takes whatever credentials it is shown."""

    def say_yes(wanted: Wanted) -> Tried:
        known = Account.objects.filter(network=wanted.network, handle=wanted.handle).first()
        info = AccountInfo(wanted.handle, known.remote_id if known else "new")
        return Tried(info, wanted.server, dict(wanted.secret))

    monkeypatch.setattr(connecting, "try_out", say_yes)


class World(dict[str, Any]):
    """Primary keys, and a network's name, by the names that paths and bodies of tests use."""


@pytest.fixture
def world(db: None, admin: User) -> World:
    """One of everything, each in the state its act needs."""
    made = World()
    account = factories.make_account()
    chat = factories.make_account(role="chat")
    lane = factories.make_lane(account)
    factories.make_lane(chat)
    profile = factories.make_profile(bio="Roasts coffee")
    made |= {"account": account.pk, "chat": chat.pk, "user": admin.pk}
    made |= {"person": profile.person_id, "profile": profile.pk}
    made["limit"] = Limit.objects.create(account=account, kind="dm", limit=40).pk
    WarmUp.objects.create(account=account, kind="dm", started_on=date(2026, 1, 1))
    _tasks(made, lane)
    _campaigns(made, account, profile)
    _posts(made, account)
    _conversation(made, account, profile)
    _leads(made, admin, profile)
    _judging(made, profile)
    made["source"] = Source.objects.create(
        kind=SourceKind.SEARCH, network="sandbox", query="coffee", account=account
    ).pk
    made["look"] = factories.make_look(account=account, due_at=timezone.now() + timedelta(hours=1)).pk
    made |= {"opportunity": factories.make_opportunity().pk, "network": "sandbox"}
    made["onboarding"] = OnboardingRun.objects.create(name="accounts.csv").pk
    made["stopped_onboarding"] = OnboardingRun.objects.create(name="b.csv", state=OnboardingState.STOPPED).pk
    made["handle_check"] = HandleCheck.objects.create(brand="Blue Kettle").pk
    made["key"] = api_keys.create_key(owner=admin, name="old", allowed=["people:read"], by=admin)[0].pk
    return made


def _tasks(made: World, lane: Any) -> None:
    made["pending"] = factories.make_task(lane).pk
    made["failed"] = factories.make_task(lane, state=TaskState.FAILED).pk
    made["unclear"] = factories.make_task(lane, state=TaskState.UNKNOWN, due_at=None).pk


def _campaigns(made: World, account: Any, profile: Any) -> None:
    for status in (CampaignStatus.DRAFT, CampaignStatus.RUNNING, CampaignStatus.PAUSED):
        campaign = factories.make_campaign(status=status)
        campaign.accounts.set([account])
        Step.objects.create(campaign=campaign, position=1, kind="follow")
        made[f"{status}_campaign"] = campaign.pk
    factories.make_enrolment(campaign, profile)


def _posts(made: World, account: Any) -> None:
    for status in PostStatus.values:
        made[f"{status}_post"] = Post.objects.create(text=f"Coffee, {status}", status=status).pk
    draft = Post.objects.get(pk=made["draft_post"])
    made["image"] = add_image(post=draft, upload=factories.make_picture(), by="test").pk
    made["publication"] = Publication.objects.create(
        post_id=made["approved_post"], account=factories.make_account(), state=PublicationState.SCHEDULED,
        task=factories.make_task(), scheduled_at=timezone.now() + timedelta(hours=1),
    ).pk  # fmt: skip


def _conversation(made: World, account: Any, profile: Any) -> None:
    conversation = factories.make_conversation(account, profile, unread=1, last_message_at=timezone.now())
    Message.objects.create(
        conversation=conversation, direction="in", text="Tell me more", sent_at=timezone.now()
    )
    made["conversation"] = conversation.pk


def _leads(made: World, admin: User, profile: Any) -> None:
    Note.objects.create(person=profile.person, text="Met at a fair", author=admin)
    Tag.objects.create(name="coffee").people.add(profile.person)
    consent.suppress_address(network="email", handle="no@example.org", by=admin)
    made["suppression"] = Suppression.objects.get().pk
    run = importing.start_import(name="people.csv", content=b"email\nann@example.org\n", by=admin)
    Import.objects.filter(pk=run.pk).update(status=ImportStatus.COMPLETED, finished_at=timezone.now())
    ImportRow.objects.create(import_run=run, number=2, outcome="created")
    made["import"] = run.pk
    _groups(made, admin, profile)


def _groups(made: World, admin: User, profile: Any) -> None:
    rules = {"match": "all", "rules": []}
    made["segment"] = segments.create_segment(name="Everybody", rules=rules, by=admin).pk
    made["list"] = segments.create_list(name="Fair", by=admin).pk
    made["group_enrolment"] = GroupEnrolment.objects.create(
        campaign_id=made["draft_campaign"], list_id=made["list"]
    ).pk
    made["export"] = exporting.run_export(exporting.start_export(by=admin).pk).pk
    made["twin"] = factories.make_person().pk
    made["duplicate"] = Duplicate.objects.create(
        first=profile.person, second_id=made["twin"], score=70, evidence={"name": ["ann"]}
    ).pk
    kept, gone = factories.make_person(), factories.make_person()
    made["merge"] = merging.merge(kept=kept, gone=gone, by=admin).pk


def _judging(made: World, profile: Any) -> None:
    call = factories.make_llm_call()
    decision = Decision.objects.create(
        person=profile.person,
        judge=Judge.MODEL,
        verdict="qualified",
        reason="Roasts",
        version="1",
        model="small",
        call=call,
    )
    made |= {"call": call.pk, "decision": decision.pk}
    made["group"] = TargetGroup.objects.create(name="Coffee people", description="They roast.").pk
    LlmPrice.objects.create(model="small", input_price=1, output_price=2)
    LlmSettings.objects.create(pk=1, url="http://127.0.0.1:1/v1", small_model="small")
    labelled = factories.make_profile(bio="Roasts coffee")
    Decision.objects.create(person=labelled.person, judge=Judge.PERSON, verdict="qualified", reason="Roasts")
