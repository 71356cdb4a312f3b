"""How networks and services take what we do: open breakers, each account's pace, and the line for the browser."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import needs
from automation import breakers
from automation.api.schemas_health import BreakerOut, BrowserOut, RateOut
from automation.browsing.standing import standing
from automation.engine import breaker, rates
from automation.models import Lane
from outreach.lib import clock
from outreach.lib.errors import find
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page

router = Router(tags=["Health"])


@router.get(
    "/breakers", response=Page[BreakerOut], summary="List open breakers", **needs("tasks:read", "automation.view_task")
)  # fmt: skip
def list_breakers(request: HttpRequest, query: Query[ListQuery]) -> Any:
    """What is left alone at the moment because it keeps failing: services, all on the first page, then accounts."""
    found = page(breaker.not_closed(), cursor=query.cursor, limit=query.limit)
    services = breakers.not_closed() if query.cursor is None else ()
    shown = [BreakerOut.of_service(one) for one in services] + [
        BreakerOut.of_lane(one) for one in found["data"]
    ]
    return {**found, "data": shown}


@router.get(
    "/accounts/{int:account_id}/rate", response=RateOut, summary="Show an account's pace", tags=["Accounts"],
    **needs("accounts:read", "accounts.view_account"),
)  # fmt: skip
def show_rate(request: HttpRequest, account_id: int) -> Any:
    """Acts a minute: fewer when the network fails, more while there is room. 404 before the account ever had work."""
    return rates.standing(find(Lane.objects.all(), account_id), clock.database_now())


@router.get(
    "/browser", response=BrowserOut, summary="Show the line for the browser", **needs("tasks:read", "automation.view_task")
)  # fmt: skip
def show_browser(request: HttpRequest) -> Any:
    """Slots are acts in a browser at once; one is kept for publishing and replying. Acts in line use up no try."""
    return standing()
