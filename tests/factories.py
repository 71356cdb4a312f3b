"""One function per thing a test needs; every argument has a default that just works."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.utils import timezone

from accounts.enums import AccountStatus
from accounts.models import Account, Credential
from leads.addresses import normalise
from leads.models import Person, Profile

_numbers = count(1)


def make_account(*, secret: dict[str, Any] | None = None, **fields: Any) -> Account:
    """A verified, active account on the sandbox network, with credentials."""
    number = next(_numbers)
    values = {
        "network": "sandbox", "handle": f"account{number}", "server": "http://127.0.0.1:1",
        "remote_id": f"remote-{number}", "status": AccountStatus.ACTIVE, "verified_at": timezone.now(),
    }  # fmt: skip
    account = Account.objects.create(**{**values, **fields})
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
