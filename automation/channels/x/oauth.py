"""Signing in with X: OAuth 2.0 with PKCE. Access tokens last two hours; each refresh token works once."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from automation.channels.base import AuthFailed, ChannelError, Secret, TryLater
from automation.channels.line import Line, unanswered
from automation.channels.oauth import App, Begun, code_of, new_state
from automation.channels.x import errors
from automation.channels.x.wire import Wire

AUTHORIZE = "https://x.com/i/oauth2/authorize"
SCOPES = (
    "tweet.read", "tweet.write", "users.read", "follows.read", "follows.write", "like.read", "like.write", "dm.read",
    "dm.write", "media.write", "offline.access",
)  # fmt: skip
TOKEN = "/2/oauth2/token"  # noqa: S105 - a path
SECONDS = 5.0


def begin(app: App, *, server: str = "", proxy: str = "") -> Begun:
    """Where the person says yes to our app; calls nothing."""
    state, verifier = new_state(), secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code", "client_id": app.client_id, "redirect_uri": app.redirect_uri, "scope": " ".join(SCOPES),
        "state": state, "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }  # fmt: skip
    return Begun(f"{AUTHORIZE}?{urlencode(query)}", {"state": state, "verifier": verifier})


def finish(
    app: App, keep: Mapping[str, str], answer: Mapping[str, str], *, server: str = "", proxy: str = ""
) -> Secret:
    """The account's secret: ``access_token``, ``refresh_token``, ``expires_at`` and the app's ``client_id`` and secret."""
    form = {
        "grant_type": "authorization_code", "code": code_of(keep, answer), "redirect_uri": app.redirect_uri,
        "code_verifier": keep.get("verifier", ""),
    }  # fmt: skip
    known = {"client_id": app.client_id, "client_secret": app.client_secret}
    return {**known, **_ask(form, known, server, proxy)}


def refresh(secret: Secret, *, server: str = "", proxy: str = "") -> Secret:
    """A fresh access token and the next refresh token; the old one no longer works, so keep the answer at once."""
    if not secret.get("refresh_token") or not secret.get("client_id"):
        raise AuthFailed(
            "The access token has ended and there is no refresh token. Connect the account again."
        )
    form = {"grant_type": "refresh_token", "refresh_token": str(secret["refresh_token"])}
    try:
        return {**secret, **_ask(form, secret, server, proxy)}
    except AuthFailed as refusal:
        why = "X takes each refresh token once; the answer with the next one may have been lost on its way."
        problem = AuthFailed(f"{refusal} {why}")
    raise problem


def _ask(form: dict[str, str], known: Mapping[str, Any], server: str, proxy: str) -> Secret:
    """What the token endpoint gives. Public apps name themselves in the form, confidential ones sign in."""
    wire = Wire(server, proxy)
    wire.start(SECONDS)
    client_id, client_secret = str(known.get("client_id") or ""), str(known.get("client_secret") or "")
    headers = {}
    if client_secret:
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    try:
        answer = wire.exchange(
            "POST", f"{wire.base}{TOKEN}", {"data": {**form, "client_id": client_id}, "headers": headers}
        )
    except (httpx.HTTPError, ValueError) as error:
        problem = unanswered(error, wire, act=False)
    else:
        body = _object(answer.body)
        if answer.status == 200:
            return _secret_of(body)
        problem = _refusal(answer.status, body, wire, (client_secret, *form.values()))
    raise problem


def _refusal(status: int, body: Mapping[str, Any], line: Line, hidden: tuple[str, ...]) -> ChannelError:
    if 400 <= status < 500 and status not in (408, 429):
        detail = errors.detail_of(body, hidden)
        return AuthFailed(f"X does not renew the sign-in ({status}). {detail} Connect the account again.")
    return errors.answered(status, body, line.headers, act=False, secrets=hidden)


def _secret_of(body: Mapping[str, Any]) -> Secret:
    token, lasts = body.get("access_token"), body.get("expires_in")
    if not isinstance(token, str) or not token:
        raise TryLater("X's answer holds no access token.")
    found: Secret = {"access_token": token}
    if isinstance(body.get("refresh_token"), str):
        found["refresh_token"] = body["refresh_token"]
    if isinstance(lasts, int | float):
        found["expires_at"] = int(time.time() + lasts)
    return found


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
