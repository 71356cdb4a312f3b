"""One function per thing a test needs; every argument has a default that just works."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.utils import timezone

from accounts.enums import AccountStatus
from accounts.models import Account, Credential

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
