"""Secrets that change by themselves: tokens that expire and are renewed by whoever notices first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from accounts.models import Credential

Secret = dict[str, Any]
# A renewal asks the network while it holds the credential's row; others wait for it, but not for ever.
WAIT_MILLISECONDS = 6_000


@transaction.atomic
def renew_secret(*, account_id: int, stale: Secret, make: Callable[[Secret], Secret]) -> Secret:
    """The account's secret to go on with instead of ``stale``: what is stored by now, or else what ``make`` returns.

    ``make`` gets the stored secret, asks the network and returns the new one, which is stored before anybody else may
    ask. So many workers renew once, and no one-time refresh token is used twice or lost to a later write. Whatever
    ``make`` raises changes nothing. Raises :class:`OperationalError` when somebody else's renewal takes over 6 s, and
    :class:`Credential.DoesNotExist` where the account has no secret. Emits nothing: for people, nothing changed.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{WAIT_MILLISECONDS}ms"])
    credential = Credential.objects.select_for_update().get(account_id=account_id)
    if credential.secret != stale:
        return dict(credential.secret)
    renewed = make(dict(credential.secret))
    if renewed != stale:
        credential.secret = renewed
        credential.save(update_fields=["secret", "updated_at"])
    return renewed
