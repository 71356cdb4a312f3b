"""The atproto client for one account, with our time limits and errors, and its session."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from atproto_client.client.base import ClientBase
from atproto_client.models.dot_dict import DotDict

from automation.channels.base import AuthFailed, ChannelError, Login, NotFound, Refused, Secret, TryLater
from automation.channels.bluesky import errors, session
from automation.channels.bluesky.errors import TokenExpired
from automation.channels.bluesky.session import Session
from automation.channels.bluesky.wire import Wire
from automation.channels.line import Line

Json = Mapping[str, Any]

BUDGET_SECONDS = 9.0  # all requests of one channel call together
ACT_SECONDS = 3.0  # with less left an act is not begun: cut off, its outcome would be unclear
JSON = "application/json"
LOGIN, REFRESH = "com.atproto.server.createSession", "com.atproto.server.refreshSession"


class Client:
    """Calls the protocol's methods by name, as reads or acts; what goes wrong comes out as a channel's error."""

    def __init__(self, login: Login, default_server: str) -> None:
        self._login = login
        self._server = (login.server or default_server).rstrip("/")
        self._secret: Secret = dict(login.secret)
        self.line = Line(self._server, login.proxy)
        self._wire = Wire(self.line)

    def begin(self) -> None:
        """Start one channel call: its time runs from here. :class:`AuthFailed` when there is nothing to sign in with."""
        if not self._password:
            raise AuthFailed("The account has no app password; connect it again.")
        self.line.start(BUDGET_SECONDS)

    @property
    def _password(self) -> str:
        return str(self._secret.get("app_password") or "")

    @property
    def session(self) -> Session:
        """Who we are signed in as; signs in where needed."""
        found = session.stored(self._secret)
        if found is None or found.is_ending:
            found = self._renew()
        return found

    @property
    def did(self) -> str:
        """Our own identity."""
        return self.session.did

    def read(self, name: str, **params: Any) -> Any:
        """Ask something; the answer is an object, or it is :class:`TryLater`."""
        return self._authorised(lambda client, headers: client.invoke_query(
            name, params=DotDict(params), headers=headers), act=False)  # fmt: skip

    def upload(self, content: bytes, mime: str) -> Json:
        """Hand over a file; nobody sees it until a record names it."""
        answer = self._authorised(lambda client, headers: client.invoke_procedure(
            "com.atproto.repo.uploadBlob", data=content, headers={**headers, "Content-Type": mime}), act=False)  # fmt: skip
        return dict(answer["blob"])

    def act(self, name: str, data: Any) -> Any:
        """Change something: :class:`Unknown` unless it certainly did not happen. ``data`` is one of the client's models."""
        self.session  # noqa: B018 - renewing takes time, which must not be missed for the act itself
        if self.line.left < ACT_SECONDS:
            raise TryLater("The server was too slow while the act was prepared; nothing was sent.")
        return self._authorised(lambda client, headers: client.invoke_procedure(
            name, data=data, headers=headers, input_encoding=JSON), act=True)  # fmt: skip

    def did_of(self, handle: str, remote_id: str = "") -> str:
        """The identity behind a handle, or the one that is known: it stays when the handle changes. :class:`NotFound`."""
        known = next((text for text in (remote_id, handle) if text.startswith("did:")), "")
        if known:
            return known
        name = handle.strip().lstrip("@")
        found = str(self.read("com.atproto.identity.resolveHandle", handle=name).get("did") or "")
        if not found:
            raise NotFound(f"Nobody is called @{name}.")
        return found

    def _authorised(self, invoke: Callable[[ClientBase, dict[str, str]], Any], *, act: bool) -> Any:
        signed_in = self.session
        try:
            return self._call(signed_in.server, signed_in.access, invoke, act=act)
        except TokenExpired:
            # A refusal: nothing was done, so it may be asked again with a new token.
            signed_in = self._renew()
        return self._call(signed_in.server, signed_in.access, invoke, act=act)

    def _call(
        self, server: str, token: str, invoke: Callable[[ClientBase, dict[str, str]], Any], *, act: bool
    ) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        problem: ChannelError
        self.line.forget()
        try:
            answer = invoke(ClientBase(server, self._wire), headers).content
            if isinstance(answer, dict):
                return answer
            raise TypeError("The answer is not an object.")
        except errors.EXPECTED as error:
            problem = errors.translate(error, self.line, act=act, secrets=(token, self._password))
        raise problem

    # --- The session ---------------------------------------------------------------------------------------------

    def _renew(self) -> Session:
        self._secret = self._login.renew(self._secret, self._made)
        found = session.stored(self._secret)
        if found is None:
            raise AuthFailed("The account's session could not be read; connect it again.")
        return found

    def _made(self, secret: Secret) -> Secret:
        """The secret with a session from the network: the old one refreshed, or a new one for the app password."""
        old = session.stored(secret)
        refreshed = self._refreshed(old) if old else None
        return session.with_session(secret, refreshed or self._signed_in(str(secret.get("app_password"))))

    def _refreshed(self, old: Session) -> Session | None:
        """``None`` when the old session cannot be refreshed any more."""
        try:
            return session.read(self._ask(old.server, REFRESH, old.refresh), old.server)
        except (TokenExpired, Refused, NotFound, KeyError, TypeError):
            return None

    def _signed_in(self, password: str) -> Session:
        body = {"identifier": self._login.remote_id or self._login.handle, "password": password}
        problem: ChannelError
        try:
            return session.read(self._ask(self._server, LOGIN, "", body), self._server)
        except (Refused, NotFound) as refusal:
            problem = AuthFailed(str(refusal))
        except (KeyError, TypeError):
            problem = TryLater("The server's answer is no session.")
        raise problem

    def _ask(self, server: str, name: str, token: str, body: dict[str, Any] | None = None) -> Any:
        content = json.dumps(body).encode() if body else None
        return self._call(server, token, lambda client, headers: client.invoke_procedure(
            name, headers={**headers, "Content-Type": JSON} if body else headers, content=content,
        ), act=False)  # fmt: skip
