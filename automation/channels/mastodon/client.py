"""Mastodon.py for one account, with our time limits and errors, and finding accounts by handle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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

ASK_AGAIN = 3_600.0  # seconds for which what a server says of itself is believed

_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Instance:
    """What a server says of itself: the domain in its users' handles, and the characters it takes as one post."""

    domain: str
    longest_post: int | None


_instances: dict[str, tuple[float, Instance]] = {}  # by address, with when it was asked on time.monotonic()


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
        return self.instance.domain

    @property
    def instance(self) -> Instance:
        """What the server says of itself, asked once an hour and process."""
        server = self._login.server
        with _guard:
            asked_at, known = _instances.get(server, (0.0, None))
        if known is None or time.monotonic() - asked_at > ASK_AGAIN:
            known = self._ask_instance(server, known)
            with _guard:
                _instances[server] = time.monotonic(), known
        return known

    def _ask_instance(self, server: str, known: Instance | None) -> Instance:
        for method, name in ((self.api.instance_v2, "domain"), (self.api.instance_v1, "uri")):
            try:
                told = self.read(method)
            except (NotFound, Refused, AuthFailed):
                continue
            except TryLater:
                if known is None:
                    raise
                return known
            found = str(told.get(name) or "")
            domain = urlsplit(found if "://" in found else f"//{found}").netloc
            if domain:
                return Instance(domain, longest_post(told))
        return Instance(urlsplit(server).netloc, None)

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


def longest_post(instance: Json) -> int | None:
    """How many characters a server takes as one post, by the names servers of the family give that number."""
    configuration = instance.get("configuration")
    statuses = configuration.get("statuses") if isinstance(configuration, Mapping) else None
    told = statuses.get("max_characters") if isinstance(statuses, Mapping) else None
    found = told if told is not None else instance.get("max_toot_chars")
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 0 else None
