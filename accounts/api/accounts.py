"""Accounts: listed, added, changed, paused and resumed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest
from ninja import Query, Router

from accounts import services
from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from accounts.api.schemas import (
    AccountIn,
    AccountOut,
    AccountPatch,
    AccountQuery,
    ChatAccountsIn,
    NetworkOut,
    ProxyIn,
    ReasonIn,
)
from accounts.models import Account
from outreach.lib import networks
from outreach.lib.errors import all_named, find, named, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page, Rows

router = Router(tags=["Accounts"])
READ = needs("accounts:read", "accounts.view_account")
WRITE = needs("accounts:write", "accounts.change_account")
SECRETS = needs("accounts:write", "accounts.change_credential")
ACT = needs("accounts:act", "accounts.change_account")


@router.get("/networks", response=Rows[NetworkOut], summary="Networks that accounts can be on", **READ)
def list_networks(request: HttpRequest) -> Any:
    return {"data": [networks.get(name) for name in networks.names()]}


@router.get("/accounts", response=Page[AccountOut], summary="List accounts", **READ)
def list_accounts(request: HttpRequest, query: Query[AccountQuery]) -> Any:
    return page(Account.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.post(
    "/accounts",
    response={201: AccountOut},
    summary="Add an account",
    **needs("accounts:write", "accounts.add_account"),
)
@idempotent(201)
def create_account(request: HttpRequest, body: AccountIn) -> AccountOut:
    """It is pending until its network has confirmed the credentials, which happens in the background."""
    fields = body.model_dump(exclude={"owner_id"})
    with refusals():
        account = services.create_account(**fields, owner=_owner(body.owner_id), by=caller(request))
    return AccountOut.from_orm(account)


@router.get("/accounts/{int:account_id}", response=AccountOut, summary="Show an account", **READ)
def show_account(request: HttpRequest, account_id: int) -> Any:
    return find(Account.objects.all(), account_id)


@router.patch("/accounts/{int:account_id}", response=AccountOut, summary="Change an account", **WRITE)
def change_account(request: HttpRequest, account_id: int, body: AccountPatch) -> Any:
    """A changed time zone takes effect at the account's next midnight, so that no local day gets two allowances."""
    account = find(Account.objects.all(), account_id)
    changes = body.model_dump(exclude_unset=True)
    if "owner_id" in changes:
        changes["owner"] = _owner(changes.pop("owner_id"))
    zone = changes.pop("time_zone", None)
    with refusals(), transaction.atomic():
        if changes:
            services.update_account(account=account, by=caller(request), **changes)
        if zone is not None:
            services.change_time_zone(account=account, time_zone=zone, by=caller(request))
    return account


@router.put(
    "/accounts/{int:account_id}/proxy", response=AccountOut, summary="Set or remove its proxy", **SECRETS
)
def set_proxy(request: HttpRequest, account_id: int, body: ProxyIn) -> Any:
    """The proxy is tried first and not kept when it does not lead to the account's network."""
    account = find(Account.objects.all(), account_id)
    with refusals():
        return services.set_proxy(account=account, url=body.url, by=caller(request))


@router.put(
    "/accounts/{int:account_id}/chat-accounts",
    response=Rows[AccountOut],
    summary="Link chat accounts",
    **WRITE,
)
def link_chat_accounts(request: HttpRequest, account_id: int, body: ChatAccountsIn) -> Any:
    """These carry on the conversations that this account begins; the earlier choice is replaced."""
    account = find(Account.objects.all(), account_id)
    chosen = all_named(Account.objects.all(), body.account_ids, "account_ids")
    with refusals():
        services.link_chat_accounts(account=account, chat_accounts=chosen, by=caller(request))
    return {"data": chosen}


@router.post("/accounts/{int:account_id}/pause", response=AccountOut, summary="Pause", **ACT)
def pause(request: HttpRequest, account_id: int, body: ReasonIn | None = None) -> Any:
    account = find(Account.objects.all(), account_id)
    with refusals(409):
        return services.pause(account=account, reason=body.reason if body else "", by=caller(request))


@router.post("/accounts/{int:account_id}/resume", response=AccountOut, summary="Resume", **ACT)
def resume(request: HttpRequest, account_id: int) -> Any:
    account = find(Account.objects.all(), account_id)
    with refusals(409):
        return services.resume(account=account, by=caller(request))


@router.post("/accounts/{int:account_id}/disable", response=AccountOut, summary="Disable", **ACT)
def disable(request: HttpRequest, account_id: int, body: ReasonIn | None = None) -> Any:
    account = find(Account.objects.all(), account_id)
    with refusals(409):
        return services.disable(account=account, reason=body.reason if body else "", by=caller(request))


def _owner(owner_id: int | None) -> Any:
    return None if owner_id is None else named(get_user_model().objects.all(), owner_id, "owner_id")
