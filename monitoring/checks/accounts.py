"""Accounts that cannot act until somebody does something."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from accounts.enums import AccountStatus
from accounts.models import Account
from monitoring.checks.finding import Finding, warning

SETTLE = timedelta(minutes=15)
SHOWN = 5
COUNTED = 1000
WHAT = {
    AccountStatus.ERROR: (
        "were refused by their network",
        "Admin, Accounts, status Error: enter their credentials again, then verify them.",
    ),
    AccountStatus.PENDING: (
        "wait to be verified",
        "Admin, Accounts, status Pending: the action Verify. It needs a running worker.",
    ),
}


def look(now: datetime) -> Iterator[Finding]:
    for status, (message, mend) in WHAT.items():
        stuck = Account.objects.filter(status=status, status_changed_at__lt=now - SETTLE).order_by("pk")
        handles = list(stuck.values_list("handle", flat=True)[:COUNTED])
        if handles:
            count = f"{len(handles)} or more" if len(handles) == COUNTED else len(handles)
            names = ", ".join(handles[:SHOWN]) + (", ..." if len(handles) > SHOWN else "")
            yield warning("accounts", f"{count} accounts {message} for over 15 minutes: {names}", mend)
