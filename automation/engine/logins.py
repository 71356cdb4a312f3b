"""What an account's channel signs in with, and how a secret it renewed comes back to us."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.db import DatabaseError

from accounts.models import Account, Credential
from accounts.services import proxy_of, renew_secret
from automation.channels.base import AuthFailed, Login, Secret, TryLater


def login_of(account: Account) -> Login:
    """What the account's channel needs to sign in; a secret it renews is stored with the account."""
    credential = getattr(account, "credential", None)
    return Login(
        account_id=account.pk, handle=account.handle, server=account.server, remote_id=account.remote_id,
        secret=dict(credential.secret) if credential else {}, renew=partial(_renew, account.pk), proxy=_proxy_of(account),
    )  # fmt: skip


def _proxy_of(account: Account) -> str:
    """The account's proxy; :class:`AuthFailed` when it is lost: the account must not go out without."""
    try:
        return proxy_of(account)
    except LookupError as error:
        raise AuthFailed(str(error)) from None


def _renew(account_id: int, stale: Secret, make: Callable[[Secret], Secret]) -> Secret:
    """As :func:`renew_secret`, in the channels' errors: what fails here failed before any act."""
    try:
        return renew_secret(account_id=account_id, stale=stale, make=make)
    except Credential.DoesNotExist:
        raise AuthFailed("The account has no credentials; connect it again.") from None
    except DatabaseError as error:
        message = f"The account's new token could not be stored ({type(error).__name__})."
        raise TryLater(message) from None
