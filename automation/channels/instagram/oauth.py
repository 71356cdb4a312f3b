"""Signing in with Instagram (Business Login). Long-lived tokens last 60 days and are renewed by themselves, unended."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from automation.channels.base import AuthFailed, ChannelError, Secret, TryLater
from automation.channels.instagram import ADDRESS, errors
from automation.channels.line import Line, unanswered
from automation.channels.oauth import App, Begun, code_of, new_state
from outreach.lib import net

AUTHORIZE = "https://www.instagram.com/oauth/authorize"
EXCHANGE = "https://api.instagram.com"
SCOPES = (
    "instagram_business_basic", "instagram_business_content_publish", "instagram_business_manage_comments",
    "instagram_business_manage_messages",
)  # fmt: skip
SECONDS = 5.0


def begin(app: App, *, server: str = "", proxy: str = "") -> Begun:
    """Where the person says yes to our app; calls nothing."""
    state = new_state()
    query = {
        "client_id": app.client_id, "redirect_uri": app.redirect_uri, "response_type": "code",
        "scope": ",".join(SCOPES), "state": state,
    }  # fmt: skip
    return Begun(f"{AUTHORIZE}?{urlencode(query)}", {"state": state})


def finish(
    app: App, keep: Mapping[str, str], answer: Mapping[str, str], *, server: str = "", proxy: str = ""
) -> Secret:
    """The account's secret: a long-lived ``access_token``, ``expires_at``, and the app's ``client_id`` and secret."""
    known = {"client_id": app.client_id, "client_secret": app.client_secret}
    form = {
        "client_id": app.client_id, "client_secret": app.client_secret, "grant_type": "authorization_code",
        "redirect_uri": app.redirect_uri, "code": code_of(keep, answer).removesuffix("#_"),
    }  # fmt: skip
    hidden = (app.client_secret, form["code"])
    found = _ask("POST", _base(server, EXCHANGE), "/oauth/access_token", proxy, hidden, data=form)
    inner = found.get("data")
    short = inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], dict) else found
    token = str(short.get("access_token") or "")
    query = {"grant_type": "ig_exchange_token", "client_secret": app.client_secret, "access_token": token}
    found = _ask("GET", _base(server, ADDRESS), "/access_token", proxy, (*hidden, token), params=query)
    return {**known, **_secret_of(found)}


def refresh(secret: Secret, *, server: str = "", proxy: str = "") -> Secret:
    """The token for another 60 days; Instagram renews one that is a day old and has not ended."""
    token = str(secret.get("access_token") or "")
    query = {"grant_type": "ig_refresh_token", "access_token": token}
    found = _ask("GET", _base(server, ADDRESS), "/refresh_access_token", proxy, (token,), params=query)
    return {**secret, **_secret_of(found)}


def _base(server: str, address: str) -> str:
    if not server:
        return address
    if not net.is_allowed(urlsplit(server).hostname or ""):
        raise AuthFailed("Instagram has one server, and the account names another. Leave its server empty.")
    return server.rstrip("/")


def _ask(
    method: str, base: str, path: str, proxy: str, hidden: tuple[str, ...], **content: Any
) -> Mapping[str, Any]:
    line = Line(base, proxy)
    line.start(SECONDS)
    problem: ChannelError
    try:
        answer = line.exchange(method, f"{base}{path}", content)
    except (httpx.HTTPError, httpx.InvalidURL, net.ForbiddenAddress) as error:
        problem = unanswered(error, line, act=False)
    else:
        try:
            body = json.loads(answer.body)
        except (ValueError, RecursionError):
            body = None
        if answer.status == 200 and isinstance(body, dict) and "error" not in body:
            return body
        problem = errors.answered(answer.status, body, answer.headers, act=False, secrets=hidden)
        if not isinstance(problem, TryLater):
            problem = AuthFailed(f"{problem} Connect the account again.")
    raise problem


def _secret_of(body: Mapping[str, Any]) -> Secret:
    token, lasts = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not token:
        raise TryLater("Instagram's answer holds no access token.")
    found: Secret = {"access_token": token}
    if isinstance(lasts, int | float):
        found["expires_at"] = int(time.time() + lasts)
    return found
