"""tweepy for one account, with our time limits and errors, and a token renewed in time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

import requests
import tweepy

from automation.channels.base import AuthFailed, ChannelError, Login, NotFound, TryLater, Unknown
from automation.channels.oauth import ends_soon
from automation.channels.x import errors, oauth
from automation.channels.x.convert import Json, id_of
from automation.channels.x.wire import Wire

BUDGET_SECONDS = 9.0  # all requests of one channel call together
ACT_SECONDS = 3.0  # with less left an act is not begun: cut off, its outcome would be unclear

_ids: dict[str, str] = {}  # our own ids by handle and server, asked once a process
_guard = threading.Lock()


class _Api(tweepy.Client):
    """tweepy's client; it would ask who we are once more and keep itself alive for ever with the answer."""

    own_id = ""

    def _get_authenticating_user_id(self, *, oauth_1: bool = False) -> str:
        return self.own_id


class Client:
    """Calls tweepy's methods as reads or acts and gives their JSON; what goes wrong comes out as a channel's error.

    Errors leave without a context: tweepy's own messages quote whole answers.
    """

    def __init__(self, login: Login) -> None:
        self._login = login
        self._secret = dict(login.secret)
        self.wire = Wire(login.server, login.proxy)
        self.api = _Api(bearer_token=self._token, return_type=dict)
        self.api.session = cast(requests.Session, self.wire)

    @property
    def _token(self) -> str:
        return str(self._secret.get("access_token") or "")

    def begin(self) -> None:
        """Start one channel call: its time runs from here. :class:`AuthFailed` when there is nothing to sign in with."""
        if not self._token.isascii() or not self._token.isprintable() or not self._token.strip():
            raise AuthFailed(
                "The account has no access token, or one with characters no token has. Connect it again."
            )
        self.wire.start(BUDGET_SECONDS)
        if ends_soon(self._secret) and self._secret.get("refresh_token"):
            self._renew()

    def read(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Json:
        """Call a method that changes nothing."""
        return self._call(method, args, kwargs, act=False)

    def act(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Json:
        """Call a method that changes something: :class:`Unknown` unless it certainly did not."""
        if self.wire.left < ACT_SECONDS:
            raise TryLater("X was too slow while the act was prepared; nothing was sent.")
        return self._call(method, args, kwargs, act=True)

    def _call(self, method: Callable[..., Any], args: Any, kwargs: Any, *, act: bool) -> Json:
        """A refused token is renewed once: X did nothing with it, so the request may go again."""
        try:
            return self._once(method, args, kwargs, act=act)
        except AuthFailed:
            if self.wire.status != 401 or not self._secret.get("refresh_token"):
                raise
        self._renew()
        if act and self.wire.left < ACT_SECONDS:
            raise TryLater("X was too slow to renew the token; nothing was sent.")
        return self._once(method, args, kwargs, act=act)

    def _once(self, method: Callable[..., Any], args: Any, kwargs: Any, *, act: bool) -> Json:
        self.wire.forget()
        problem: ChannelError | None
        try:
            answer = method(*args, **kwargs)
        except errors.EXPECTED as error:
            problem = errors.translate(error, self.wire, act=act, secrets=self._hidden())
        except Exception as error:
            if error is not self.wire.failure:
                raise  # a bug, not the network
            problem = errors.translate(error, self.wire, act=act, secrets=self._hidden())
        else:
            if isinstance(answer, dict):
                problem = errors.missing(answer, self._hidden())
                if problem is None:
                    return answer
            else:
                kind = Unknown if act else TryLater
                problem = kind("X's answer is not what it documents.")
        raise problem

    def _renew(self) -> None:
        """Replace the token, once however many workers ask. Not in a hurry: an answer lost would lose the refresh token."""
        login = self._login
        if self.wire.left < oauth.SECONDS:
            raise TryLater(
                "The access token has ended, and X was too slow to renew it now; nothing was sent."
            )
        self._secret = login.renew(
            self._secret, lambda stored: oauth.refresh(stored, server=login.server, proxy=login.proxy)
        )
        self.api.bearer_token = self._token

    def _hidden(self) -> list[str]:
        return [value for value in self._secret.values() if isinstance(value, str) and len(value) > 3]

    # --- Who ---------------------------------------------------------------------------------------------------------
    @property
    def own_id(self) -> str:
        """Our own id: known from verifying, else asked once a process."""
        if self._login.remote_id:
            return self._login.remote_id
        key = f"{self.wire.base} {self._login.account_id} {self._login.handle}"
        with _guard:
            known = _ids.get(key)
        if known is None:
            known = id_of(entity(self.read(self.api.get_me, user_auth=False)))
            with _guard:
                _ids[key] = known
        return known

    def as_us(self) -> _Api:
        """tweepy's client, knowing who we are."""
        self.api.own_id = self.own_id
        return self.api

    def find(self, handle: str, **fields: Any) -> Json:
        """The user of a handle; :class:`NotFound`."""
        name = handle.strip().lstrip("@")
        if not name or not name.replace("_", "").isalnum() or not name.isascii():
            raise NotFound("Without a handle that X could have given there is nothing to act upon.")
        return entity(self.read(self.api.get_user, username=name, **fields))

    def target(self, handle: str, remote_id: str) -> str:
        """The id of whom to act upon. On X an id is somebody's for ever, a handle may be another's by now."""
        return remote_id if remote_id.isdecimal() else id_of(self.find(handle))


def entity(answer: Mapping[str, Any]) -> Json:
    """The ``data`` of an answer, an object with an id; else :class:`TryLater`."""
    data = answer.get("data")
    if not isinstance(data, dict) or not id_of(data):
        raise TryLater("X's answer is not what it documents.")
    return data


def entities(answer: Mapping[str, Any], key: str = "data") -> list[Json]:
    """The objects of an answer's list; X leaves an empty one out."""
    found = answer.get(key) or []
    if not isinstance(found, list):
        raise TryLater("X's answer is not what it documents.")
    return [item for item in found if isinstance(item, dict)]


def next_token(answer: Mapping[str, Any]) -> str:
    """Where the next page begins; empty: this was the last."""
    meta = answer.get("meta")
    return str(meta.get("next_token") or "") if isinstance(meta, dict) else ""


def users_of(answer: Mapping[str, Any]) -> dict[str, Json]:
    """The users an answer includes, by id."""
    return {id_of(user): user for user in _included(answer, "users")}


def posts_of(answer: Mapping[str, Any]) -> list[Json]:
    """The posts an answer includes because others of it refer to them."""
    return _included(answer, "tweets")


def _included(answer: Mapping[str, Any], name: str) -> list[Json]:
    includes = answer.get("includes")
    return entities(includes, name) if isinstance(includes, dict) else []
