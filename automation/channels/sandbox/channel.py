"""The sandbox network's driver."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from automation.channels.base import (
    AccountInfo,
    Act,
    AuthFailed,
    Channel,
    ChannelError,
    Done,
    Finding,
    InboxPage,
    Login,
    NotFound,
    Page,
    PostMetrics,
    ProfileInfo,
    Refused,
    TryLater,
    Unknown,
)
from automation.channels.sandbox import CAPABILITIES, shapes
from outreach.lib import net

DEADLINE = float(os.environ.get("SANDBOX_DEADLINE", "10"))  # seconds
LAG = 1.0  # seconds; the network's own ledger is settled at once, this covers a request still in its queue
METRICS_AT_ONCE = 100
_TOKEN = re.compile(r"[\x21-\x7e]+")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def connect(login: Login) -> Channel:
    """The driver for one account; raises :class:`AuthFailed` or :class:`Refused` for a login that cannot
    work.
    """
    token = login.secret.get("token")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise AuthFailed("The access token is missing or has characters no token has. Paste it again.")
    server = login.server if "://" in login.server else f"http://{login.server}"
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise Refused("The server must be an address like http://127.0.0.1:8040.")
    return SandboxChannel(f"{parts.scheme}://{parts.netloc}", token, login.proxy)


class SandboxChannel:
    """Speaks the sandbox's API for one account. Thread-safe: connections are shared by the whole process."""

    network = "sandbox"
    capabilities = CAPABILITIES
    proves = True
    deadline = DEADLINE
    lag = LAG

    def __init__(self, server: str, token: str, proxy: str = "") -> None:
        self._server = server
        self._token = token
        self._proxy = proxy

    def __repr__(self) -> str:
        return f"SandboxChannel({self._server})"

    # --- Reading -------------------------------------------------------------------------------------------
    def verify(self) -> AccountInfo:
        """Who the token belongs to."""
        return self._read("/me", shapes.account)

    def profile(self, handle: str, remote_id: str = "") -> ProfileInfo:
        """One profile with its latest posts."""
        return self._read(f"/profiles/{_key(remote_id or handle)}", shapes.profile)

    def search(self, query: str, cursor: str = "") -> Page:
        """People by words or hashtags of their bio and posts."""
        return self._read("/search", shapes.page, q=query, cursor=cursor)

    def related(self, handle: str, remote_id: str = "", cursor: str = "") -> Page:
        """The followers of a profile."""
        return self._read(f"/profiles/{_key(remote_id or handle)}/followers", shapes.page, cursor=cursor)

    def commenters(self, handle: str, remote_id: str = "", cursor: str = "", *, over: int = 0) -> Page:
        """Who commented on a profile's posts."""
        path = f"/profiles/{_key(remote_id or handle)}/commenters"
        return self._read(path, shapes.page, cursor=cursor, over=str(over))

    def metrics(self, remote_ids: Sequence[str]) -> list[PostMetrics]:
        """The figures of posts, in the order asked; all within one deadline."""
        found: list[PostMetrics] = []
        with net.deadline(self.deadline):
            for start in range(0, len(remote_ids), METRICS_AT_ONCE):
                ids = ",".join(remote_ids[start : start + METRICS_AT_ONCE])
                found += self._read("/metrics", shapes.metrics, ids=ids)
        return found

    def inbox(self, since: str) -> InboxPage:
        """Messages and comments after a cursor, oldest first."""
        return self._read("/inbox", shapes.inbox, since=since)

    # --- Acting --------------------------------------------------------------------------------------------
    def publish(self, act: Act) -> Done:
        """A post of our own."""
        return self._act("/posts", act, text=act.text, link=act.link)

    def reply(self, act: Act) -> Done:
        """A comment on a post or on another comment."""
        return self._act(f"/posts/{_key(act.post_id)}/replies", act, text=act.text)

    def message(self, act: Act) -> Done:
        """A direct message."""
        return self._act(f"/profiles/{_key(act.remote_id or act.handle)}/messages", act, text=act.text)

    def follow(self, act: Act) -> Done:
        """Follow a profile."""
        return self._act(f"/profiles/{_key(act.remote_id or act.handle)}/follow", act)

    def unfollow(self, act: Act) -> Done:
        """Stop following a profile."""
        return self._act(f"/profiles/{_key(act.remote_id or act.handle)}/unfollow", act)

    def like(self, act: Act) -> Done:
        """Like a post."""
        return self._act(f"/posts/{_key(act.post_id)}/like", act)

    def reconcile(self, act: Act) -> Finding:
        """Ask for the act by its send id. The network's ledger is authoritative, so absence proves it did
        not happen.

        Absence counts only once the request's deadline and the lag have passed: until then it may still
        arrive.
        """
        return self._read(f"/acts/{act.send_id}", shapes.finding)

    def close(self) -> None:
        """Nothing to let go: the connections belong to the process."""

    # --- Wire ----------------------------------------------------------------------------------------------
    def _read(self, path: str, shape: Any, **query: str) -> Any:
        # What UTF-8 cannot carry, nobody's profile has either.
        given = {name: value.encode(errors="replace").decode() for name, value in query.items() if value}
        return self._call("GET", path, shape, TryLater, params=given)

    def _act(self, path: str, act: Act, **body: str) -> Done:
        content = json.dumps({"send_id": str(act.send_id), **body})  # ASCII, so that any text can be sent
        return self._call("POST", path, shapes.done, Unknown, content=content)

    def _call(self, method: str, path: str, shape: Any, unclear: type[ChannelError], **more: Any) -> Any:
        """One request; ``unclear`` is raised when it may have left and no trustworthy answer came.

        Exceptions are cut off from their causes (``from None``): those may quote headers, and so the token.
        """
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            with net.deadline(self.deadline):
                answer = net.shared_client(self._server, self._proxy).request(
                    method, f"/api/v1{path}", headers=headers, timeout=self.deadline, **more
                )
        except net.ForbiddenAddress as error:
            raise Refused(str(error)) from None
        except net.ProxyFailed as error:
            raise (AuthFailed if error.denied else TryLater)(str(error)) from None
        except _NOT_SENT as error:
            raise TryLater(f"The network cannot be reached ({type(error).__name__}).") from None
        except httpx.HTTPError as error:
            raise unclear(f"No answer came in full ({type(error).__name__}).") from None
        if answer.status_code != httpx.codes.OK:
            raise _failure(answer, unclear, self._token)
        try:
            return shape(answer.json())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise unclear("The network's answer is cut off or not understood.") from None


def _key(name: str) -> str:
    """A handle or id as one part of a path; :class:`NotFound` for what can be no part of one."""
    if name in ("", ".", "..") or "/" in name:
        raise NotFound("Without a handle or id of the network there is nothing to act upon.")
    return quote(name, safe="", errors="replace")


# --- Failures ----------------------------------------------------------------------------------------------
def _failure(answer: httpx.Response, unclear: type[ChannelError], token: str) -> ChannelError:
    """What an answer other than 200 means. Only the network's word ``"acted": false`` makes a 5xx harmless."""
    status, body = answer.status_code, _object(answer)
    said = str(body.get("error") or f"The network answered {status}.").replace(token, "[token]")[:200]
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return TryLater(said, retry_after=retry_after(answer.headers), rate_limited=True)
    if status >= 500 and body.get("acted") is False:
        return TryLater(said, retry_after=retry_after(answer.headers))
    known: dict[int, type[ChannelError]] = {401: AuthFailed, 404: NotFound, 410: NotFound}
    if status in known:
        return known[status](said)
    if 400 <= status < 500 and status not in (408, 425):
        return Refused(said)
    return unclear(said)


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait by a Retry-After header, given in seconds or as an HTTP date; ``None`` without a
    usable one.

    A date is compared with the server's own Date header, so that two clocks that disagree shorten no wait.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        until = _date(text)
        if until is None:
            return None
        # Our own clock may run ahead, the Date header is rounded down: the longer wait is never too early.
        now = min(filter(None, (_date(headers.get("date", "")), datetime.now(UTC))))
        return max(0.0, (until - now).total_seconds())
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
