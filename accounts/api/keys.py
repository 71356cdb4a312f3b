"""The caller's own keys."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts import api_keys
from accounts.api.access import caller, needs
from accounts.api.schemas import KeyIn, KeyOut, KeyQuery, NewKeyOut
from accounts.models import ApiKey
from outreach.lib.errors import ApiError, find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Keys"])
OWN = "accounts.view_apikey"


@router.get("/keys", response=Page[KeyOut], summary="List your keys", **needs("keys:read", OWN))
def list_keys(request: HttpRequest, query: Query[KeyQuery]) -> Any:
    return page(ApiKey.objects.filter(owner=caller(request)), cursor=query.cursor, limit=query.limit)


@router.post(
    "/keys", response={201: NewKeyOut}, summary="Make a key", **needs("keys:write", "accounts.add_apikey")
)
def create_key(request: HttpRequest, body: KeyIn) -> Any:
    """The key is in this answer and nowhere else, so this is the one request without an ``Idempotency-Key``.

    A key cannot make one that may do more, or for longer, than itself.
    """
    if isinstance(asking := getattr(request, "auth", None), ApiKey):
        _stay_within(asking, body)
    with refusals():
        key, text = api_keys.create_key(
            owner=caller(request),
            name=body.name,
            allowed=body.scopes,
            expires_at=body.expires_at,
            by=caller(request),
        )
    return {**KeyOut.from_orm(key).model_dump(), "key": text}


@router.post(
    "/keys/{int:key_id}/revoke",
    response=KeyOut,
    summary="Revoke a key",
    **needs("keys:write", "accounts.change_apikey"),
)
def revoke_key(request: HttpRequest, key_id: int) -> Any:
    """It is refused from now on. Revoking twice changes nothing."""
    key = find(ApiKey.objects.filter(owner=caller(request)), key_id)
    api_keys.revoke_key(key, by=caller(request))
    return key


def _stay_within(asking: ApiKey, body: KeyIn) -> None:
    if beyond := sorted(set(body.scopes) - set(asking.scopes)):
        raise ApiError(
            403, f"This key cannot give what it lacks: {', '.join(beyond)}.", error="scope_missing"
        )
    if asking.expires_at and (body.expires_at is None or body.expires_at > asking.expires_at):
        raise ApiError(
            403, f"This key ends on {asking.expires_at:%Y-%m-%d %H:%M} UTC; one it makes may not outlive it."
        )
