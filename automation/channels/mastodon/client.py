"""Mastodon.py for one account, with our time limits and errors, and finding accounts by handle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from mastodon import Mastodon

from automation.channels.base import AuthFailed, ChannelError, Login, NotFound, Refused, TryLater
from automation.channels.mastodon import errors
from automation.channels.mastodon.convert import Json, full_handle, local_handle
from automation.channels.mastodon.wire import Wire

BUDGET_SECONDS = 9.0  # all requests of one channel call together
ACT_SECONDS = 3.0  # with less left an act is not begun: cut off, its outcome would be unclear

_domains: dict[str, str] = {}
_guard = threading.Lock()


class Client:
    """Calls Mastodon.py's methods as reads or acts; what goes wrong comes out as a channel's error.

    ``read`` and ``act`` take the bound method of :attr:`api`. Errors leave without a context: Mastodon.py's own
    messages quote whole answers.
    """

    def __init__(self, login: Login) -> None:
        self._login = login
        self._token = str(login.secret.get("token") or "")
        self.wire = Wire(login.server, login.proxy)
        self.api = Mastodon(
            api_base_url=login.server,
            session=cast(requests.Session, self.wire),
            version_check_mode="none",
            ratelimit_method="throw",
            user_agent="Outreach",
        )
        # Not through the constructor, which would open a file of that name.
        self.api.access_token = self._token

    def begin(self) -> None:
        """Start one channel call: its time runs from here. :class:`AuthFailed` when there is nothing to sign in with."""
        if not self._login.server or not self._token:
            raise AuthFailed("The account has no server address or no access token; connect it again.")
        self.wire.start(BUDGET_SECONDS)

    def read(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method that changes nothing."""
        return self._call(method, args, kwargs, act=False)

    def act(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method that changes something: :class:`Unknown` unless it certainly did not."""
        if self.wire.left < ACT_SECONDS:
            raise TryLater("The server was too slow while the act was prepared; nothing was sent.")
        return self._call(method, args, kwargs, act=True)

    def _call(self, method: Callable[..., Any], args: Any, kwargs: Any, *, act: bool) -> Any:
        self.wire.forget()
        problem: ChannelError
        try:
            return method(*args, **kwargs)
        except errors.EXPECTED as error:
            problem = errors.translate(error, self.wire, act=act, secret=self._token)
        raise problem

    @property
    def domain(self) -> str:
        """The domain in the handles of the server's own users; it may differ from the address of its API."""
        server = self._login.server
        with _guard:
            known = _domains.get(server)
        return known if known is not None else self._ask_domain(server)

    def _ask_domain(self, server: str) -> str:
        for method, name in ((self.api.instance_v2, "domain"), (self.api.instance_v1, "uri")):
            try:
                found = self.read(method).get(name) or ""
            except (NotFound, Refused, AuthFailed):
                continue
            domain = urlsplit(found if "://" in found else f"//{found}").netloc
            if domain:
                break
        else:
            domain = urlsplit(server).netloc
        with _guard:
            _domains[server] = domain
        return domain

    def find(self, handle: str, remote_id: str = "") -> Json:
        """The account of ``handle``; by ``remote_id`` only when there is no handle, or the server cannot look it up.

        Ids mean nothing on another server, handles mean the same everywhere: acting by an id another account of ours
        learnt elsewhere would reach a stranger. Raises :class:`NotFound`.
        """
        if not handle:
            return entity(self.read(self.api.account, remote_id))
        name = local_handle(handle, self.domain)
        for attempt in (self._looked_up, self._searched, lambda _: self._by_id(remote_id)):
            try:
                account = attempt(name)
            except (NotFound, Refused):
                continue
            if account is not None and self.same(account, handle):
                return account
        raise NotFound(f"The server knows no account @{handle.lstrip('@')}.")

    def same(self, account: Json, handle: str) -> bool:
        """Whether an account of an answer is the one ``handle`` names."""
        wanted = full_handle(handle, self.domain).casefold()
        return full_handle(account.get("acct") or "", self.domain).casefold() == wanted

    def _looked_up(self, name: str) -> Json | None:
        return entity(self.read(self.api.account_lookup, name))

    def _searched(self, name: str) -> Json | None:
        """Some servers have no lookup, and only a search makes a server fetch an account it never met."""
        found = entities(self.read(self.api.account_search, f"@{name}", limit=5, resolve=True))
        return next((account for account in found if self.same(account, name)), None)

    def _by_id(self, remote_id: str) -> Json | None:
        return entity(self.read(self.api.account, remote_id)) if remote_id else None


def entity(answer: Any) -> Json:
    """``answer`` if it is an object with an id, as every account and status is; else :class:`TryLater`."""
    if not isinstance(answer, dict) or answer.get("id") in (None, ""):
        raise TryLater("The server's answer is not what Mastodon answers.")
    return answer


def entities(answer: Any) -> list[Json]:
    """The objects of an answer that is a list; :class:`TryLater` when it is none."""
    if not isinstance(answer, list):
        raise TryLater("The server's answer is not what Mastodon answers.")
    return [item for item in answer if isinstance(item, dict)]
