"""Who may call a route: a key with the route's scope, or a browser session; the user's own permissions count for both."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, User
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer
from ninja.utils import check_csrf

from accounts import api_keys, scopes
from accounts.models import ApiKey
from outreach.lib.errors import ApiError

TOO_LONG_FOR_A_KEY = 200


def needs(scope: str, permission: str) -> dict[str, Any]:
    """What a route says about its callers: ``@router.get("/people", **needs("people:read", "leads.view_person"))``.

    Without a good key or session the answer is 401, without the scope or the permission 403.
    """
    if scope not in scopes.ALL:
        raise ValueError(f'"{scope}" is not a scope.')
    return {
        "auth": [ApiKeyAuth(scope, permission), BrowserSession(permission)],
        "openapi_extra": {"x-scope": scope, "x-permission": permission},
    }


class ApiKeyAuth(HttpBearer):
    """``Authorization: Bearer outreach_...``"""

    openapi_description = "A key made by `manage.py create_api_key`."

    def __init__(self, scope: str, permission: str) -> None:
        super().__init__()
        self.scope = scope
        self.permission = permission

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        key = api_keys.recognise(token) if token.isascii() and len(token) < TOO_LONG_FOR_A_KEY else None
        if key is None:
            return None
        request.user = key.owner
        if self.scope not in key.scopes:
            raise ApiError(403, f'This key lacks the scope "{self.scope}".', error="scope_missing")
        _require(key.owner, self.permission)
        return key


class BrowserSession(APIKeyCookie):
    """The session of somebody logged in to the admin; what changes something needs the CSRF token."""

    param_name = "sessionid"
    openapi_description = "The admin's session, with the X-CSRFToken header for what is not a GET."

    def __init__(self, permission: str) -> None:
        super().__init__(csrf=True)
        self.permission = permission

    def __call__(self, request: HttpRequest) -> AbstractBaseUser | None:
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return None
        if check_csrf(request):
            raise ApiError(403, "Send the CSRF token as X-CSRFToken.", error="csrf_failed")
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> AbstractBaseUser | None:
        _require(caller(request), self.permission)
        return caller(request)


def caller(request: HttpRequest) -> User:
    """Who calls; every route has made sure that it is somebody."""
    if not isinstance(request.user, User):
        raise ApiError(401, "Log in, or send a key.")
    return request.user


def require(request: HttpRequest, permission: str) -> None:
    """A second permission, for a route whose first is not enough for what the body asks."""
    _require(caller(request), permission)


def _require(user: User, permission: str) -> None:
    if not user.has_perm(permission):
        raise ApiError(403, f'You lack the permission "{permission}".', error="permission_missing")
