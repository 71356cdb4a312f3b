"""Staff of every role, and rows of every model the admin shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts.enums import ActionKind
from accounts.models import Account, ApiKey, Limit, WarmUp
from automation.enums import (
    AttemptState,
    BrowserUrgency,
    Direction,
    HandleState,
    Reason,
    RowState,
    TaskState,
    Verdict,
)
from automation.models import (
    Attempt,
    Breaker,
    BrowserSession,
    BrowserSlot,
    BrowserWait,
    Campaign,
    Conversation,
    Decision,
    Enrichment,
    Enrolment,
    HandleCheck,
    HandleResult,
    LlmCall,
    LlmPrice,
    LlmSettings,
    Measurement,
    Message,
    OnboardingRow,
    OnboardingRun,
    Post,
    PromptTrial,
    Publication,
    Step,
    TargetGroup,
    Task,
    Variant,
)
from leads import merging
from leads.addresses import address_hash
from leads.enums import ImportStatus, Lifecycle, RowOutcome
from leads.models import (
    Contact,
    Duplicate,
    Export,
    Import,
    ImportRow,
    Lead,
    Merge,
    Note,
    Person,
    PersonList,
    Profile,
    Segment,
    Suppression,
    Tag,
)
from monitoring.models import Alert, Event, Heartbeat, HeartbeatKind, LogRecord
from tests.admin import finding
from tests.admin.enriching import an_enrichment
from tests.factories import (
    make_account,
    make_campaign,
    make_conversation,
    make_enrolment,
    make_lane,
    make_llm_call,
    make_person,
    make_profile,
    make_task,
)

numbers = count(1)
SCRIPT = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def make_staff(role: str) -> User:
    """A user with one of the roles; an outsider can log in and is no staff."""
    user = User.objects.create_user(f"{role}{next(numbers)}", password=None, is_staff=role != "outsider")
    user.groups.set(Group.objects.filter(name=role.title()))
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def administrator(db: None) -> Client:
    return client_of(make_staff("administrator"))


@pytest.fixture
def operator(db: None) -> Client:
    return client_of(make_staff("operator"))


@pytest.fixture
def viewer(db: None) -> Client:
    return client_of(make_staff("viewer"))


@pytest.fixture
def outsider(db: None) -> Client:
    return client_of(make_staff("outsider"))


def a_person(text: str = "", **fields: Any) -> Person:
    """Somebody with everything a timeline shows; ``text`` stands in every field that people or networks fill."""
    text = text or f"Words {next(numbers)}"
    person = make_person(
        display_name=text, first_name=text[:128], company=text, title=text, stage_reason=text, **fields
    )
    profile = make_profile(
        person=person, display_name=text, bio=text, found_via=text, language="en", url="",
        recent_posts=[{"remote_id": "1", "text": text, "url": text, "created_at": text, "language": text, "replies": 1}],
    )  # fmt: skip
    Note.objects.create(person=person, text=text)
    person.tags.add(Tag.objects.get_or_create(name=text[:64])[0])
    task = make_task(
        kind=ActionKind.DM, state=TaskState.FAILED, profile=profile, person=person, reason=Reason.REFUSED, detail=text,
        payload={"text": text, "subject": text},
    )  # fmt: skip
    Decision.objects.create(person=person, verdict=Verdict.QUALIFIED, reason=text, evidence=text)
    conversation = make_conversation(
        account=task.lane.account, profile=profile, last_message_at=timezone.now(), unread=1
    )
    Message.objects.create(
        conversation=conversation, direction=Direction.IN, text=text, sent_at=timezone.now()
    )
    return person


def a_task(text: str = "") -> Task:
    task = make_task(
        state=TaskState.FAILED,
        profile=make_profile(),
        detail=text,
        reason=Reason.REFUSED,
        payload={"text": text},
    )
    now = timezone.now()
    Attempt.objects.create(
        task=task, number=1, state=AttemptState.REFUSED, deadline=now, worker="worker:1", claimed_at=now - timedelta(seconds=3),
        started_at=now - timedelta(seconds=2), finished_at=now, error=text or "Blocked",
    )  # fmt: skip
    return task


def a_campaign(text: str = "") -> Campaign:
    campaign = make_campaign(description=text)
    Variant.objects.create(
        step=Step.objects.create(campaign=campaign, position=1, kind="dm"), text=text or "Hi {first_name}"
    )
    make_enrolment(campaign, detail=text)
    return campaign


def a_publication(text: str = "") -> Publication:
    post = Post.objects.create(text=text or "Hello", topic=text[:64])
    publication = Publication.objects.create(
        post=post, account=make_account(), detail=text, task=make_task(kind="post")
    )
    Measurement.objects.create(publication=publication, at=timezone.now())
    return publication


def a_suppression(text: str = "") -> Suppression:
    address = f"no{next(numbers)}@example.org"
    return Suppression.objects.create(
        network="email",
        address=address,
        address_hash=address_hash("email", address),
        detail=text,
        person=make_person(),
    )


def an_import(text: str = "") -> Import:
    run = Import.objects.create(name=text or "people.csv", status=ImportStatus.COMPLETED, error=text)
    ImportRow.objects.create(
        import_run=run, number=2, outcome=RowOutcome.FAILED, message=text, person=make_person()
    )
    return run


def an_onboarding(text: str = "") -> OnboardingRun:
    run = OnboardingRun.objects.create(name=text or "accounts.csv")
    OnboardingRow.objects.create(
        run=run, number=2, network="sandbox", handle=text or "roast", state=RowState.FAILED, message=text,
        account=make_account(), finished_at=timezone.now(),
    )  # fmt: skip
    return run


def a_handle_check(text: str = "") -> HandleCheck:
    check = HandleCheck.objects.create(brand=text[:64] or "Blue Kettle")
    HandleResult.objects.create(
        check_run=check, network="sandbox", handle="bluekettle", state=HandleState.TAKEN, detail=text, url=text,
        looked_at=timezone.now(),
    )  # fmt: skip
    return check


def an_account(text: str = "") -> Account:
    account = make_account(
        display_name=text, status_reason=text, niche=text[:64], health="watch", health_reason=text[:300]
    )
    make_lane(account)
    Limit.objects.create(account=account, kind=ActionKind.DM, limit=5)
    return account


def a_log_record(text: str = "") -> LogRecord:
    now = timezone.now()
    return LogRecord.objects.create(
        fingerprint=f"f{next(numbers)}", level="ERROR", logger="tests", message=text or "Broken", traceback=text,
        first_seen_at=now, last_seen_at=now,
    )  # fmt: skip


MAKERS: dict[type[Model], Callable[[str], Model]] = {
    **finding.MAKERS,
    User: lambda text: User.objects.create_user(f"user{next(numbers)}", first_name=text[:150]),
    Group: lambda text: Group.objects.create(name=f"group {next(numbers)}"),
    Account: an_account,
    OnboardingRun: an_onboarding,
    HandleCheck: a_handle_check,
    Limit: lambda text: Limit.objects.create(account=make_account(), kind=ActionKind.DM, limit=5),
    WarmUp: lambda text: WarmUp.objects.create(
        account=make_account(), kind="dm", started_on=timezone.now().date()
    ),
    ApiKey: lambda text: ApiKey.objects.create(
        owner=make_staff("viewer"),
        name=text[:64] or "key",
        prefix="outreach_x",
        hash=f"h{next(numbers)}",
        scopes=["people:read"],
    ),
    Person: lambda text: a_person(text, lifecycle=Lifecycle.ARCHIVED),
    Lead: lambda text: Lead.objects.get(pk=a_person(text).pk),
    Contact: lambda text: Contact.objects.get(pk=a_person(text, lifecycle=Lifecycle.CONTACT).pk),
    Profile: lambda text: a_person(text).profiles.get(),
    Tag: lambda text: Tag.objects.create(name=f"{next(numbers)} {text}"[:64]),
    Suppression: a_suppression,
    Import: an_import,
    Segment: lambda text: Segment.objects.create(
        name=f"{next(numbers)} {text}"[:128],
        description=text,
        rules={"match": "all", "rules": []},
        error=text,
    ),
    PersonList: lambda text: PersonList.objects.create(
        name=f"{next(numbers)} {text}"[:128], description=text
    ),
    Export: lambda text: Export.objects.create(status=ImportStatus.COMPLETED, choice={"q": text}, error=text),
    Duplicate: lambda text: Duplicate.objects.create(
        first=a_person(text), second=a_person(text), score=70, evidence={"site": [text]}
    ),
    Merge: lambda text: merging.merge(kept=a_person(text), gone=a_person(f"{text} too"), by="test"),
    Task: a_task,
    Campaign: a_campaign,
    Enrolment: lambda text: make_enrolment(make_campaign(), detail=text),
    Conversation: lambda text: a_person(text).conversations.get(),
    Enrichment: an_enrichment,
    Post: lambda text: a_publication(text).post,
    Publication: a_publication,
    Decision: lambda text: a_person(text).decisions.get(),
    BrowserSession: lambda text: BrowserSession.objects.create(
        account=make_account(), state={"cookies": [{"value": text}], "origins": []}, expires_at=timezone.now()
    ),
    BrowserSlot: lambda text: BrowserSlot.objects.create(
        number=next(numbers),
        account=make_account(),
        urgency=BrowserUrgency.HIGH,
        taken_at=timezone.now(),
        worker=text,
    ),
    BrowserWait: lambda text: BrowserWait.objects.create(
        key=f"{next(numbers)} {text}"[:64], account=make_account(), urgency=BrowserUrgency.LOW
    ),
    LlmSettings: lambda text: LlmSettings.objects.update_or_create(pk=1, defaults={"good_model": text[:128]})[
        0
    ],
    LlmPrice: lambda text: LlmPrice.objects.create(
        model=f"{next(numbers)} {text}"[:128], input_price=1, output_price=2
    ),
    LlmCall: make_llm_call,
    TargetGroup: lambda text: TargetGroup.objects.create(
        name=f"{next(numbers)} {text}"[:64], description=text or "They roast coffee."
    ),
    PromptTrial: lambda text: PromptTrial.objects.create(
        person=make_person(),
        version="1",
        model=text[:128] or "small",
        verdict="qualified",
        reason=text,
        evidence=text,
    ),
    Breaker: lambda text: Breaker.objects.create(
        key=f"service {next(numbers)}", opened_at=timezone.now(), probe_at=timezone.now(), detail=text
    ),
    Alert: lambda text: Alert.objects.create(
        key=f"alert {next(numbers)}", level="error", subject=text or "It burns", message=text
    ),
    Heartbeat: lambda text: Heartbeat.objects.create(
        name=f"p{next(numbers)}", kind=HeartbeatKind.CLUSTER, host=text, detail={"x": text}
    ),
    LogRecord: a_log_record,
    Event: lambda text: Event.objects.create(
        name="person.changed", model="leads.person", ids=[1], by="x", data={"note": text}
    ),
}
