"""One account: tried against its network, connected, connected again. What is refused changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import services as accounts
from accounts.models import Account, Credential
from accounts.services import checks
from automation.channels import registry
from automation.channels.base import AccountInfo, AuthFailed, ChannelError, Login, Secret, TryLater, Unknown
from automation.onboarding import mailboxes
from outreach.lib import net
from outreach.lib.actors import Actor

MAIL = "email"
RENEWS = ("refresh_token", "client_id", "client_secret")


class NotReached(ValidationError):
    """The network did not answer, which says nothing about the credentials."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account as somebody typed it in."""

    network: str
    handle: str = ""
    server: str = ""
    secret: Mapping[str, Any] = field(default_factory=dict, repr=False)
    proxy: str = field(default="", repr=False)
    preset: str = ""  # of a mailbox provider


@dataclass(frozen=True, slots=True)
class Tried:
    """Who the network says it is, and the secret to keep: the network may have renewed it while we asked."""

    info: AccountInfo
    server: str
    secret: Secret = field(repr=False)


def try_out(wanted: Wanted) -> Tried:
    """Ask the network whose credentials these are. Saves nothing; takes as long as the network's deadline at most.

    Raises :class:`ValidationError` with what is missing or what the network says, :class:`NotReached` when it is away.
    """
    network = checks.known_network(wanted.network)
    given = dict(wanted.secret)
    if network.name == MAIL:
        given = dict(mailboxes.completed(wanted.handle, given, wanted.preset))
    secret = checks.complete_secret(network, given)
    server = checks.normal_server(network, wanted.server)
    renewed: list[Secret] = [secret]

    def keep(stale: Secret, make: Callable[[Secret], Secret]) -> Secret:
        if renewed[-1] == stale:
            renewed.append(make(stale))
        return renewed[-1]

    login = Login(
        account_id=0, handle=checks.normal_handle(wanted.handle), server=server, secret=secret, renew=keep, proxy=wanted.proxy,
    )  # fmt: skip
    return Tried(_ask(network.name, login), server, renewed[-1])


def connect(wanted: Wanted, *, by: Actor, tried: Tried | None = None, **own: Any) -> Account:
    """Add an account that its network knows; it works at once. ``own`` are fields of ``create_account``.

    Where the network is away the account is added all the same and waits until it answers. Raises
    :class:`ValidationError` with the network's words otherwise; then nothing was written.
    """
    if tried is None:
        try:
            tried = try_out(wanted)
        except NotReached:
            return _create(wanted, wanted.handle, dict(wanted.secret), by, own)
    with transaction.atomic():
        account = _create(wanted, tried.info.handle or wanted.handle, tried.secret, by, own)
        _let_in(account, tried, by)
    return account


def reconnect(account: Account, secret: Mapping[str, Any], *, by: Actor) -> Account:
    """Give an account new credentials once its network has taken them; until then it keeps those it has.

    Raises :class:`ValidationError`, and changes nothing, when the network refuses them, does not answer, or says that
    they belong to somebody else.
    """
    wanted = Wanted(account.network, account.handle, account.server, secret, proxy_of(account))
    try:
        tried = try_out(wanted)
    except NotReached as error:
        raise ValidationError(
            {"secret": f"{' '.join(error.messages)} The old credentials were kept."}
        ) from error
    return adopt(account, tried, by=by)


@transaction.atomic
def adopt(account: Account, tried: Tried, *, by: Actor) -> Account:
    """Keep credentials that were tried as the account's; it works again. Those of somebody else are refused.

    What renews a token is kept where the new credentials bring nothing to renew theirs with.
    """
    accounts.set_credentials(account=account, secret=_renewable(account, tried.secret), by=by)
    _let_in(account, tried, by)
    return account


def _renewable(account: Account, new: Secret) -> Secret:
    """The new secret with the old one's means of renewal, unless it has its own or belongs to another app."""
    credential = Credential.objects.filter(account=account).first()
    old = dict(credential.secret) if credential else {}
    if new.get("refresh_token") or new.get("client_id") not in (None, "", old.get("client_id")):
        return new
    return {**{name: old[name] for name in RENEWS if old.get(name)}, **new}


def _create(wanted: Wanted, handle: str, secret: Secret, by: Actor, own: dict[str, Any]) -> Account:
    if wanted.network == MAIL:
        secret = dict(mailboxes.completed(wanted.handle, secret, wanted.preset))
    return accounts.create_account(
        network=wanted.network,
        handle=handle,
        server=wanted.server,
        secret=secret,
        proxy=wanted.proxy,
        by=by,
        **own,
    )


def _let_in(account: Account, tried: Tried, by: Actor) -> None:
    info = tried.info
    accounts.mark_verified(
        account, remote_id=info.remote_id, handle=info.handle, display_name=info.display_name,
        longest_post=info.longest_post, by=by,
    )  # fmt: skip


def proxy_of(account: Account) -> str:
    """The account's own proxy, empty for none; :class:`ValidationError` when it is lost."""
    try:
        return accounts.proxy_of(account)
    except LookupError as error:
        raise ValidationError({"proxy": str(error)}) from None


def _ask(network: str, login: Login) -> AccountInfo:
    try:
        channel = registry.open_channel(network, login)
        try:
            with net.deadline(channel.deadline):
                return channel.verify()
        finally:
            channel.close()
    except (TryLater, Unknown) as error:
        raise NotReached({"server": f"The network could not be asked: {error}"}) from error
    except AuthFailed as error:
        raise ValidationError({"secret": str(error)}) from error
    except ChannelError as error:
        raise ValidationError(str(error)) from error
