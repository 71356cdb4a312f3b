"""The Graph API for one account, with our time limits and errors, and a token renewed before its 60 days end."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from automation.channels.base import AuthFailed, ChannelError, Login, TryLater
from automation.channels.instagram import ADDRESS, errors, oauth
from automation.channels.line import Line, unanswered
from automation.channels.oauth import ends_soon
from outreach.lib import net

VERSION = "/v24.0"
FACEBOOK = "https://graph.facebook.com"
BUDGET_SECONDS = 9.0  # all requests of one channel call together
ACT_SECONDS = 3.0  # with less left an act is not begun: cut off, its outcome would be unclear
RENEW_WITHIN = 10 * 86_400.0  # seconds before a token ends
RENEW_AGAIN = 3_600.0  # seconds between two attempts: tokens younger than a day are not renewed

Json = Mapping[str, Any]
_renewed_at: dict[int, float] = {}  # by account id, on time.monotonic()


def base_of(server: str, address: str = ADDRESS) -> str:
    """Where the API is: Meta, unless the account names a stand-in on a host that the operator allow-listed."""
    if not server:
        return address
    parts = urlsplit(server if "://" in server else f"https://{server}")
    if not net.is_allowed(parts.hostname or ""):
        raise AuthFailed("Instagram has one server, and the account names another. Leave its server empty.")
    return f"{parts.scheme}://{parts.netloc}"


class Client:
    """Reads and acts; what goes wrong comes out as a channel's error, cut off from its cause."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self._secret = dict(login.secret)
        self._base = base_of(login.server)
        self._line = Line(self._base, login.proxy)
        facebook = base_of(login.server, FACEBOOK)
        self._facebook = Line(facebook, login.proxy)
        self._facebook_base = facebook

    def begin(self) -> None:
        """Start one channel call: its time runs from here. :class:`AuthFailed` when there is nothing to sign in with."""
        token = self._token
        if not token.isascii() or not token.isprintable() or not token.strip():
            raise AuthFailed(
                "The account has no access token, or one with characters no token has. Connect it again."
            )
        self._line.start(BUDGET_SECONDS)
        if ends_soon(self._secret, within=RENEW_WITHIN):
            self._renew()

    @property
    def _token(self) -> str:
        return str(self._secret.get("access_token") or "")

    @property
    def line(self) -> Line:
        """The connection, with its clock."""
        return self._line

    def get(self, path: str, **query: Any) -> Json:
        """Read a node or edge."""
        return self._call(self._line, "GET", f"{self._base}{VERSION}{path}", self._token, False, params=query)

    def post(self, path: str, *, act: bool = True, **form: Any) -> Json:
        """Write; :class:`Unknown` unless it certainly did not, where ``act`` (something others see)."""
        if act and self._line.left < ACT_SECONDS:
            raise TryLater("Instagram was too slow while the act was prepared; nothing was sent.")
        return self._call(self._line, "POST", f"{self._base}{VERSION}{path}", self._token, act, data=form)

    def facebook(self, path: str, **query: Any) -> Json:
        """Read through Facebook Login, which alone can look other profiles up."""
        token = str(self._secret.get("facebook_token") or "")
        if not token:
            raise AuthFailed(
                "Looking profiles up needs a Facebook access token; add it to the account's credentials."
            )
        self._facebook.start(self._line.left)
        url = f"{self._facebook_base}{VERSION}{path}"
        return self._call(self._facebook, "GET", url, token, False, params=query)

    def _call(self, line: Line, method: str, url: str, token: str, act: bool, **content: Any) -> Json:
        # In a header: addresses end up in logs of whatever stands in between.
        given = {**content, "headers": {"Authorization": f"Bearer {token}"}}
        problem: ChannelError
        try:
            answer = line.exchange(method, url, given)
        except (httpx.HTTPError, httpx.InvalidURL, net.ForbiddenAddress) as error:
            problem = unanswered(error, line, act=act)
        else:
            body = parsed(answer.body)
            if answer.status == 200 and isinstance(body, dict) and "error" not in body:
                return body
            problem = errors.answered(
                answer.status, body, answer.headers, act=act, secrets=(self._token, token)
            )
        raise problem

    def _renew(self) -> None:
        """A token that still works is used on when it cannot be renewed now; one that has ended needs a person."""
        known = self.login.account_id
        if time.monotonic() - _renewed_at.get(known, -RENEW_AGAIN) < RENEW_AGAIN:
            return
        _renewed_at[known] = time.monotonic()
        login = self.login
        with contextlib.suppress(TryLater, AuthFailed):
            self._secret = login.renew(
                self._secret, lambda stored: oauth.refresh(stored, server=login.server, proxy=login.proxy)
            )


def parsed(content: bytes) -> object:
    """The JSON of a body; ``None`` when it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def rows(answer: Json, key: str = "data") -> list[Json]:
    """The objects of an edge; :class:`TryLater` when it is no list."""
    found = answer.get(key, [])
    if not isinstance(found, list):
        raise TryLater("Instagram's answer is not what it documents.")
    return [row for row in found if isinstance(row, dict)]


def edge(node: Json, name: str) -> list[Json]:
    """The objects of an edge inside a node; a node without any leaves it out."""
    found = node.get(name)
    return rows(found) if isinstance(found, dict) else []


def after(answer: Json) -> str:
    """The cursor of the next page; empty: this was the last."""
    paging = answer.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return ""
    cursors = paging.get("cursors")
    return str(cursors.get("after") or "") if isinstance(cursors, dict) else ""


def id_of(node: object) -> str:
    """An id as text; empty when there is none."""
    found = node.get("id") if isinstance(node, dict) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
