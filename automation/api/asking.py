"""The language model: settings, prices, what was spent, and every call."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from automation.api.schemas_asking import (
    CallOut,
    CallQuery,
    CallTextOut,
    LlmSettingsIn,
    LlmSettingsOut,
    PriceIn,
    PriceOut,
    ReplayOut,
    SpendOut,
)
from automation.asking import configuration, spend
from automation.models import LlmCall, LlmPrice
from outreach.lib import queue
from outreach.lib.errors import ApiError, find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page, Rows

router = Router(tags=["Language model"])
READ_CALLS = needs("model:read", "automation.view_llmcall")


@router.get(
    "/model/settings", response=LlmSettingsOut, summary="Show the settings", **needs("model:read", "automation.view_llmsettings")
)  # fmt: skip
def show_settings(request: HttpRequest) -> Any:
    """The key is never shown."""
    return configuration.current()


@router.patch(
    "/model/settings", response=LlmSettingsOut, summary="Change the settings",
    **needs("model:write", "automation.change_llmsettings"),
)  # fmt: skip
def change_settings(request: HttpRequest, body: LlmSettingsIn) -> Any:
    """In force for the next call. Every change is audited, the key only as given or forgotten."""
    changes = body.model_dump(exclude_unset=True)
    if empty := [name for name, value in changes.items() if value is None]:
        raise ApiError(
            422,
            f"{empty[0]} has to have a value; leave it out to keep it.",
            fields={f"body.{empty[0]}": ["No value."]},
        )
    with refusals():
        return configuration.change(by=caller(request), key=changes.pop("key", None), **changes)


@router.get(
    "/model/prices", response=Rows[PriceOut], summary="List prices", **needs("model:read", "automation.view_llmprice")
)  # fmt: skip
def list_prices(request: HttpRequest) -> Any:
    """For a million tokens."""
    return {"data": LlmPrice.objects.all()}


@router.put(
    "/model/prices", response=PriceOut, summary="Set a price", **needs("model:write", "automation.change_llmprice")
)  # fmt: skip
def set_price(request: HttpRequest, body: PriceIn) -> Any:
    """A model without a price is not called."""
    with refusals():
        return configuration.set_price(by=caller(request), **body.model_dump())


@router.get("/model/spend", response=SpendOut, summary="Show what was spent", **READ_CALLS)
def show_spend(request: HttpRequest) -> Any:
    """The budget now, and the last seven days and 24 hours."""
    found = spend.seen()
    tier = found.standing.tier
    return {
        "window": found.standing.window_key, "limit": found.limit, "used": found.used,
        "tier": {
            "name": tier.name, "why": found.standing.why, "model": tier.size, "posts_a_run": tier.posts,
            "hours_between_runs": tier.hours,
        },
        "days": found.days, "purposes": found.purposes, "hours": found.hours, "by_hour": found.by_hour,
        "answered": found.answered, "cached": found.cached, "written": found.written, "failures": dict(found.failures),
    }  # fmt: skip


@router.get("/model/calls", response=Page[CallOut], summary="List calls", **READ_CALLS)
def list_calls(request: HttpRequest, query: Query[CallQuery]) -> Any:
    return page(LlmCall.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.get("/model/calls/{int:call_id}", response=CallTextOut, summary="Show a call", **READ_CALLS)
def show_call(request: HttpRequest, call_id: int) -> Any:
    """With what was asked and answered, as long as that is kept."""
    return find(LlmCall.objects.select_related("text"), call_id)


@router.post(
    "/model/calls/{int:call_id}/replay", response={202: ReplayOut}, summary="Ask again",
    **needs("model:act", "automation.replay_llmcall"),
)  # fmt: skip
def replay(request: HttpRequest, call_id: int) -> Any:
    """The same prompt goes to the same model once more and is paid for; the new call names this one as `replay_of_id`."""
    call = find(LlmCall.objects.all(), call_id)
    queue.enqueue("automation.jobs.replay_call", call.pk, caller(request).pk, dedupe=f"replay:{call.pk}")
    return 202, {"replay_of_id": call.pk}
