"""Signing in with a Mastodon server: our app registers itself there, then a person lets it in. Tokens do not end."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from automation.channels.base import AuthFailed, ChannelError, Secret, TryLater
from automation.channels.hiding import hide
from automation.channels.line import Answer, Line, is_answered, retry_after, unanswered
from automation.channels.mastodon.errors import DETAIL_LENGTH, RESET
from automation.channels.oauth import App, Begun, code_of, new_state
from outreach.lib.net import ForbiddenAddress

APP_NAME = "Outreach"
SCOPES = "read write follow"
SECONDS = 8.0  # for each step


def begin(app: App, *, server: str = "", proxy: str = "") -> Begun:
    """Where the person says yes. Without a ``client_id`` our app is registered at the server, as every program may."""
    known = {"client_id": app.client_id, "client_secret": app.client_secret}
    if not app.client_id:
        known = _register(app.redirect_uri, server, proxy)
    state, verifier = new_state(), secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code", "client_id": known["client_id"], "redirect_uri": app.redirect_uri, "scope": SCOPES,
        "state": state, "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }  # fmt: skip
    keep = {"state": state, "verifier": verifier, **known}
    return Begun(f"{server}/oauth/authorize?{urlencode(query)}", keep)


def finish(
    app: App, keep: Mapping[str, str], answer: Mapping[str, str], *, server: str = "", proxy: str = ""
) -> Secret:
    """The account's secret: ``token``, and the app's ``client_id`` and ``client_secret`` for signing in again."""
    known = {name: keep.get(name, "") for name in ("client_id", "client_secret")}
    form = {
        "grant_type": "authorization_code", "code": code_of(keep, answer), "redirect_uri": app.redirect_uri,
        "code_verifier": keep.get("verifier", ""), "scope": SCOPES, **known,
    }  # fmt: skip
    token = _ask("/oauth/token", form, server, proxy).get("access_token")
    if not isinstance(token, str) or not token:
        raise TryLater("The server's answer holds no access token.")
    return {"token": token, **known}


def refresh(secret: Secret, *, server: str = "", proxy: str = "") -> Secret:
    """Tokens of this kind last until somebody takes them back; only signing in again gives another."""
    raise AuthFailed("The server no longer takes the access token. Connect the account again.")


def _register(redirect_uri: str, server: str, proxy: str) -> dict[str, str]:
    form = {"client_name": APP_NAME, "redirect_uris": redirect_uri, "scopes": SCOPES}
    told = _ask("/api/v1/apps", form, server, proxy)
    known = {name: told.get(name) for name in ("client_id", "client_secret")}
    found = {name: value for name, value in known.items() if isinstance(value, str) and value}
    if len(found) != len(known):
        raise TryLater("The server's answer does not name our app.")
    return found


def _ask(path: str, form: dict[str, str], server: str, proxy: str) -> dict[str, Any]:
    line = Line(server, proxy)
    line.start(SECONDS)
    problem: ChannelError
    try:
        answer = line.exchange("POST", f"{server}{path}", {"data": form, "headers": {"User-Agent": APP_NAME}})
        if answer.status < 300:
            return _object(answer)
        problem = _refusal(answer, form)
    except (httpx.HTTPError, httpx.InvalidURL, ForbiddenAddress, ValueError, OSError) as error:
        if is_answered(line):
            problem = TryLater("The server's answer is not what Mastodon answers.")
        else:
            problem = unanswered(error, line, act=False)
    raise problem


def _object(answer: Answer) -> dict[str, Any]:
    found = json.loads(answer.body)
    if not isinstance(found, dict):
        raise ValueError("The answer is not an object.")
    return found


def _refusal(answer: Answer, form: dict[str, str]) -> ChannelError:
    if answer.status in (408, 429) or answer.status >= 500:
        wait = retry_after(answer.headers, RESET)
        slow = answer.status == 429
        return TryLater(
            f"The server cannot sign anybody in now ({answer.status}).", retry_after=wait, rate_limited=slow
        )
    try:
        told = _object(answer)
    except (ValueError, TypeError):
        told = {}
    detail = hide(str(told.get("error_description") or told.get("error") or ""), *form.values())
    return AuthFailed(f"The server did not let us in ({answer.status}). {detail[:DETAIL_LENGTH]}".strip())
