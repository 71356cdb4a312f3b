"""Connecting accounts: tried without being saved, connected again, and whole lists of them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Query, Router
from ninja.files import UploadedFile

from accounts.api.access import caller, needs, require
from accounts.api.replay import idempotent
from accounts.api.schemas import AccountOut, CredentialsIn
from accounts.models import Account
from automation.api.schemas_onboarding import (
    OnboardingIn,
    OnboardingOut,
    OnboardingQuery,
    OnboardingRowOut,
    OnboardingRowQuery,
    TriedOut,
    TryIn,
)
from automation.models import OnboardingRow, OnboardingRun
from automation.onboarding import connecting, reading, reporting, services
from automation.onboarding.connecting import Wanted
from outreach.lib.errors import ApiError, find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Onboarding"])
READ = needs("onboardings:read", "automation.view_onboardingrun")
WRITE = needs("onboardings:write", "automation.add_onboardingrun")
ACT = needs("onboardings:act", "automation.change_onboardingrun")
CONNECTING = ("accounts.add_account", "accounts.add_credential")


@router.post(
    "/accounts/try", response=TriedOut, summary="Try credentials without saving them", tags=["Accounts"],
    **needs("accounts:write", "accounts.add_account"),
)  # fmt: skip
def try_credentials(request: HttpRequest, body: TryIn) -> Any:
    """The network is asked whose they are, which may take some seconds; 422 has its words."""
    require(request, "accounts.add_credential")
    with refusals():
        return connecting.try_out(Wanted(**body.model_dump())).info


@router.put(
    "/accounts/{int:account_id}/credentials", response=AccountOut, summary="Replace the credentials", tags=["Accounts"],
    **needs("accounts:write", "accounts.change_credential"),
)  # fmt: skip
def set_credentials(request: HttpRequest, account_id: int, body: CredentialsIn) -> Any:
    """Its network is asked first: the old ones are kept until it has taken the new ones."""
    account = find(Account.objects.select_related("credential"), account_id)
    with refusals():
        return connecting.reconnect(account, body.secret, by=caller(request))


@router.get("/onboardings", response=Page[OnboardingOut], summary="List onboardings", **READ)
def list_onboardings(request: HttpRequest, query: Query[OnboardingQuery]) -> Any:
    found = page(_runs().filter(**query.filters()), cursor=query.cursor, limit=query.limit)
    standings = reporting.standings(found["data"])
    return {**found, "data": [OnboardingOut.of(run, standings[run.pk]) for run in found["data"]]}


@router.post("/onboardings", response={202: OnboardingOut}, summary="Connect many accounts", **WRITE)
@idempotent(202)
def create_onboarding(request: HttpRequest, body: OnboardingIn) -> OnboardingOut:
    """They are connected in the background, a few at a time: follow the counts, then read the rows.

    A row that cannot be used has failed from the start and stops no other; row numbers count from 1.
    """
    _require_connecting(request)
    with refusals():
        entries = reading.understood(
            (number, entry.values(), "") for number, entry in enumerate(body.accounts, start=1)
        )
        run = services.start(name=body.name, entries=entries, by=caller(request), at_once=body.at_once)
    return _shown(run)


@router.post("/onboardings/csv", response={202: OnboardingOut}, summary="Connect a CSV file of accounts", **WRITE)  # fmt: skip
@idempotent(202)
def upload_onboarding(
    request: HttpRequest, file: File[UploadedFile], at_once: Form[int] = 3
) -> OnboardingOut:
    """The header names the columns: network, handle, server, role, niche, time_zone, proxy, and the networks' credentials."""
    _require_connecting(request)
    if (file.size or 0) > reading.MAX_BYTES:
        raise ApiError(413, f"The file is larger than {reading.MAX_BYTES // 1_000_000} MB. Split it.")
    with refusals():
        entries = reading.read_csv(file.read())
        run = services.start(
            name=file.name or "accounts.csv", entries=entries, by=caller(request), at_once=at_once
        )
    return _shown(run)


@router.get("/onboardings/{int:onboarding_id}", response=OnboardingOut, summary="Show an onboarding", **READ)
def show_onboarding(request: HttpRequest, onboarding_id: int) -> Any:
    return _shown(find(_runs(), onboarding_id))


@router.get(
    "/onboardings/{int:onboarding_id}/rows",
    response=Page[OnboardingRowOut],
    summary="List what became of each account",
    **READ,
)
def list_rows(request: HttpRequest, onboarding_id: int, query: Query[OnboardingRowQuery]) -> Any:
    """Last row first."""
    run = find(_runs(), onboarding_id)
    rows = OnboardingRow.objects.filter(run=run, **query.filters()).defer("secret")
    return page(rows, cursor=query.cursor, limit=query.limit)


@router.get(
    "/onboardings/{int:onboarding_id}/failed.csv", response=str, summary="Download the failed rows", **READ
)
def download_failed(request: HttpRequest, onboarding_id: int) -> Any:
    """As CSV with the reason of each, without credentials."""
    run = find(_runs(), onboarding_id)
    answer = HttpResponse("".join(reporting.failed_rows(run)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="onboarding-{run.pk}-failed.csv"'
    return answer


@router.post(
    "/onboardings/{int:onboarding_id}/stop", response=OnboardingOut, summary="Begin no more accounts", **ACT
)
def stop(request: HttpRequest, onboarding_id: int) -> Any:
    run = find(_runs(), onboarding_id)
    with refusals(409):
        return _shown(services.stop(run=run, by=caller(request)))


@router.post(
    "/onboardings/{int:onboarding_id}/resume",
    response=OnboardingOut,
    summary="Go on with a stopped one",
    **ACT,
)
def resume(request: HttpRequest, onboarding_id: int) -> Any:
    run = find(_runs(), onboarding_id)
    with refusals(409):
        return _shown(services.go_on(run=run, by=caller(request)))


def _runs() -> QuerySet[OnboardingRun]:
    return OnboardingRun.objects.all()


def _shown(run: OnboardingRun) -> OnboardingOut:
    run.refresh_from_db()
    return OnboardingOut.of(run, reporting.standing(run))


def _require_connecting(request: HttpRequest) -> None:
    for permission in CONNECTING:
        require(request, permission)
