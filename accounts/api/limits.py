"""Limits and warm-ups of accounts and networks, and what they come to."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts import queries, services
from accounts.api.access import caller, needs
from accounts.api.schemas import (
    KindIn,
    LimitIn,
    LimitOut,
    LimitQuery,
    NetworkLimitIn,
    RemovedOut,
    StackOut,
    WarmUpIn,
    WarmUpOut,
)
from accounts.models import Account, Limit, WarmUp
from outreach.lib.errors import find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page, Rows

router = Router(tags=["Limits"])
READ = needs("limits:read", "accounts.view_limit")
WRITE = needs("limits:write", "accounts.change_limit")
WARM = needs("limits:write", "accounts.change_warmup")


@router.get("/limits", response=Page[LimitOut], summary="List limits", **READ)
def list_limits(request: HttpRequest, query: Query[LimitQuery]) -> Any:
    return page(Limit.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.put("/limits", response=LimitOut, summary="Set a network's limit", **WRITE)
def set_network_limit(request: HttpRequest, body: NetworkLimitIn) -> Any:
    """It holds for each account of the network, besides the account's own limits."""
    with refusals():
        return services.set_limit(**body.model_dump(), by=caller(request))


@router.get(
    "/accounts/{int:account_id}/limits",
    response=Rows[StackOut],
    summary="Explain an account's limits",
    **READ,
)
def explain_limits(request: HttpRequest, account_id: int) -> Any:
    """Every limit on each kind of act now, what is used of it, and which one wins."""
    stacks = queries.limit_stack(find(Account.objects.all(), account_id))
    return {"data": [{"kind": kind, "lines": lines} for kind, lines in stacks.items()]}


@router.put("/accounts/{int:account_id}/limits", response=LimitOut, summary="Set an account's limit", **WRITE)
def set_account_limit(request: HttpRequest, account_id: int, body: LimitIn) -> Any:
    """A lowered limit counts at once, in the window that is open too."""
    account = find(Account.objects.all(), account_id)
    with refusals():
        return services.set_limit(account=account, **body.model_dump(), by=caller(request))


@router.delete(
    "/limits/{int:limit_id}",
    response=RemovedOut,
    summary="Lift a limit",
    **needs("limits:write", "accounts.delete_limit"),
)
def remove_limit(request: HttpRequest, limit_id: int) -> Any:
    """The other limits of the stack go on counting."""
    limit = find(Limit.objects.select_related("account"), limit_id)
    removed = services.remove_limit(
        account=limit.account, network=limit.network, kind=limit.kind, window=limit.window, by=caller(request)
    )
    return {"removed": removed}


@router.get(
    "/accounts/{int:account_id}/warm-ups", response=Rows[WarmUpOut], summary="List warm-ups",
    **needs("limits:read", "accounts.view_warmup"),
)  # fmt: skip
def list_warm_ups(request: HttpRequest, account_id: int) -> Any:
    account = find(Account.objects.all(), account_id)
    return {"data": list(WarmUp.objects.filter(account=account).order_by("kind"))}


@router.put(
    "/accounts/{int:account_id}/warm-ups",
    response=WarmUpOut,
    summary="Begin a warm-up, or begin it anew",
    **WARM,
)
def start_warm_up(request: HttpRequest, account_id: int, body: WarmUpIn) -> Any:
    account = find(Account.objects.all(), account_id)
    with refusals():
        return services.start_warm_up(account=account, **body.model_dump(), by=caller(request))


@router.post(
    "/accounts/{int:account_id}/warm-ups/pause",
    response=WarmUpOut,
    summary="Let a warm-up stand still",
    **WARM,
)
def pause_warm_up(request: HttpRequest, account_id: int, body: KindIn) -> Any:
    account = find(Account.objects.all(), account_id)
    with refusals(409):
        return services.pause_warm_up(account=account, kind=body.kind, by=caller(request))


@router.post(
    "/accounts/{int:account_id}/warm-ups/resume",
    response=WarmUpOut,
    summary="Let a warm-up rise again",
    **WARM,
)
def resume_warm_up(request: HttpRequest, account_id: int, body: KindIn) -> Any:
    account = find(Account.objects.all(), account_id)
    with refusals(409):
        return services.resume_warm_up(account=account, kind=body.kind, by=caller(request))


@router.post(
    "/accounts/{int:account_id}/warm-ups/end", response=Rows[WarmUpOut], summary="Drop a warm-up", **WARM
)
def end_warm_up(request: HttpRequest, account_id: int, body: KindIn) -> Any:
    """Answers with the warm-ups that are left; other limits go on counting."""
    account = find(Account.objects.all(), account_id)
    with refusals(409):
        services.end_warm_up(account=account, kind=body.kind, by=caller(request))
    return {"data": list(WarmUp.objects.filter(account=account).order_by("kind"))}
