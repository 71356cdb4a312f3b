"""One function per thing a test needs; every argument has a default that just works."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from itertools import count
from typing import Any

from django.utils import timezone
from PIL import Image

from accounts.enums import AccountStatus, ActionKind
from accounts.models import Account, Credential
from accounts.services.checks import home_of
from automation.enums import FINISHED_STATES
from automation.models import (
    Campaign,
    Conversation,
    Enrolment,
    FrontierEntry,
    Lane,
    LlmCall,
    LlmText,
    Opportunity,
    ProfilePost,
    Task,
)
from leads.addresses import normalise
from leads.models import Person, Profile
from outreach.lib import networks

_numbers = count(1)


def make_account(*, secret: dict[str, Any] | None = None, **fields: Any) -> Account:
    """A verified, active account on the sandbox network, with credentials."""
    number = next(_numbers)
    values = {
        "network": "sandbox", "handle": f"account{number}", "server": "http://127.0.0.1:1",
        "remote_id": f"remote-{number}", "status": AccountStatus.ACTIVE, "verified_at": timezone.now(),
    }  # fmt: skip
    given = {**values, **fields}
    home = home_of(networks.get(given["network"]), given["handle"], given["server"])
    account = Account.objects.create(**{"home": home, **given})
    Credential.objects.create(account=account, secret=secret or {"token": f"token-{number}"})
    return account


def make_person(**fields: Any) -> Person:
    """A lead called Person N, without profiles."""
    return Person.objects.create(**{"display_name": f"Person {next(_numbers)}", **fields})


def make_profile(
    handle: str = "", *, network: str = "sandbox", person: Person | None = None, **fields: Any
) -> Profile:
    """A profile of ``person`` (or of a new one), written as it stands: no consent is looked up."""
    handle = handle or (
        f"person{next(_numbers)}@example.org" if network == "email" else f"person{next(_numbers)}"
    )
    return Profile.objects.create(
        person=person or make_person(display_name=handle),
        network=network,
        handle=normalise(network, handle),
        **fields,
    )


def make_lane(account: Account | None = None, **fields: Any) -> Lane:
    """The lane of an account (a new one unless given); a lane that exists takes the fields."""
    owner = account or make_account()
    return Lane.objects.update_or_create(account=owner, defaults={"network": owner.network, **fields})[0]


def make_task(lane: Lane | None = None, **fields: Any) -> Task:
    """A pending task that is due; finished states get their time."""
    values: dict[str, Any] = {
        "kind": ActionKind.FETCH_PROFILE,
        "due_at": timezone.now() - timedelta(seconds=1),
        "dedupe_key": f"task-{next(_numbers)}",
        "finished_at": timezone.now() if fields.get("state") in FINISHED_STATES else None,
    }
    return Task.objects.create(lane=lane or make_lane(), **{**values, **fields})


def make_campaign(**fields: Any) -> Campaign:
    """A draft on the sandbox network, without steps."""
    return Campaign.objects.create(**{"name": f"Campaign {next(_numbers)}", "network": "sandbox", **fields})


def make_enrolment(campaign: Campaign, profile: Profile | None = None, **fields: Any) -> Enrolment:
    """A person's place in a campaign; no task comes with it."""
    whom = profile or make_profile()
    return Enrolment.objects.create(campaign=campaign, person=whom.person, profile=whom, **fields)


def make_conversation(
    account: Account | None = None, profile: Profile | None = None, **fields: Any
) -> Conversation:
    """A thread without messages between an account and a profile."""
    whom = profile or make_profile()
    values = {"account": account or make_account(), "profile": whom, "person": whom.person}
    return Conversation.objects.create(**{**values, **fields})


def make_look(**fields: Any) -> FrontierEntry:
    """Something to be looked at: a search of its own unless ``fields`` say otherwise."""
    values = {"network": "sandbox", "kind": "search", "query": f"#tag{next(_numbers)}"}
    return FrontierEntry.objects.create(**{**values, **fields})


def make_opportunity(text: str = "A pot of tea", **fields: Any) -> Opportunity:
    """An hour-old post that one could reply to."""
    profile = fields.pop("profile", None) or make_profile()
    now = timezone.now()
    post = ProfilePost.objects.create(
        profile=profile,
        remote_id=f"p{next(_numbers)}",
        text=text,
        posted_at=now - timedelta(hours=1),
        comments=2,
    )
    values = {
        "network": profile.network,
        "score": 70,
        "topics": ["tea"],
        "expires_at": now + timedelta(hours=23),
    }
    return Opportunity.objects.create(post=post, profile=profile, **{**values, **fields})


def make_picture(width: int = 8, height: int = 6, *, form: str = "PNG", **options: Any) -> bytes:
    """A file with a plain picture; ``options`` are Pillow's for saving, e.g. ``exif=``."""
    target = BytesIO()
    Image.new("RGB", (width, height), (200, 120, 40)).save(target, form, **options)
    return target.getvalue()


def make_llm_call(text: str = "", **fields: Any) -> LlmCall:
    """An answered call of the language model with its texts; ``text`` stands wherever strangers or a model may write."""
    now = timezone.now()
    values: dict[str, Any] = {
        "purpose": "qualification", "version": "1", "model": "small", "size": "small", "content": f"{next(_numbers):064}",
        "state": "answered", "tokens_in": 400, "tokens_out": 60, "reserved": 900, "cost": 500, "tries": 1,
        "window_key": f"{now:%Y-%m}", "deadline": now, "finished_at": now, "detail": text,
    }  # fmt: skip
    call = LlmCall.objects.create(**{**values, **fields})
    prompt = {
        "system": text or "Judge leads.",
        "user": text or "[]",
        "schema": {"type": "object"},
        "longest": 100,
    }
    LlmText.objects.create(call=call, prompt=prompt, answer=text or "{}")
    return call
