"""Stored credentials open with the configured keys."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import TextField
from django.db.models.functions import Cast

from accounts.models import Credential
from monitoring.checks.finding import Finding, error
from outreach.lib import crypto

SHOWN = 5


def look(now: datetime) -> Iterator[Finding]:
    # Cast reads the stored token itself: the field would open it and stop the walk at the first that fails.
    rows = Credential.objects.annotate(
        stored=Cast("secret", TextField()), led=Cast("proxy", TextField())
    ).values_list("pk", "stored", "led")
    closed = [
        pk
        for pk, stored, led in rows.iterator(chunk_size=1000)
        if not _opens(stored) or (led and not _opens(led))
    ]
    if closed:
        numbers = ", ".join(map(str, closed[:SHOWN])) + (", ..." if len(closed) > SHOWN else "")
        yield error(
            "keys",
            f"No key in ENCRYPTION_KEYS opens the credentials of {len(closed)} accounts: {numbers}",
            "Append the key they were written with to ENCRYPTION_KEYS, or enter them again in the admin.",
        )


def _opens(token: str) -> bool:
    try:
        crypto.decrypt(token)
    except crypto.WrongKey:
        return False
    return True
