"""aiosmtpd with faults: refusals at any step, and connections that end around the final dot."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

_ID = re.compile(rb"(?im)^message-id:\s*<([^>\s]+)>")


@dataclass(frozen=True, slots=True)
class Taken:
    """One message the server took over, as it came."""

    sender: str
    recipient: str
    content: bytes

    @property
    def message_id(self) -> str:
        found = _ID.search(self.content)
        return found[1].decode() if found else ""


@dataclass(slots=True)
class Fault:
    """What goes wrong at a step (``mail``, ``rcpt``, ``data``, ``dot``, ``auth``), how often, and for whom.

    ``address`` is the one the step names (at the dot, the recipient's); ``sender`` limits a dot to one mailbox.

    ``reply`` is said instead; an empty one ends the connection without a word, ``silent`` keeps it and says nothing (not at
    ``auth``). ``taken`` counts for the dot: whether the message is kept all the same.
    """

    step: str
    reply: str = ""
    count: int = 1
    address: str = ""
    taken: bool = False
    sender: str = ""
    silent: bool = False
    hits: int = 0

    def strikes(self, step: str, address: str, sender: str = "") -> bool:
        if step != self.step or self.hits >= self.count:
            return False
        if self.address not in ("", address) or self.sender not in ("", sender):
            return False
        self.hits += 1
        return True


Deliver = Callable[[asyncio.AbstractEventLoop, Taken], Any]


@dataclass
class SmtpServer:
    """One port of loopback; ``users`` are names with their passwords, ``taken`` every message in the order it came."""

    users: dict[str, str]
    deliver: Deliver | None = None
    tls: Any = None  # a context for STARTTLS
    implicit_tls: Any = None
    auth_required: bool = True  # False: it takes mail from anybody, as servers do from each other
    taken: list[Taken] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    connections: int = 0
    steps: list[tuple[str, str, float]] = field(
        default_factory=list
    )  # mail, and connections refused at signing in: who, when

    def __post_init__(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # it logs each line of the protocol
        warnings.filterwarnings("ignore", "Requiring AUTH", UserWarning)
        self._lock = threading.Lock()
        self._controller = _Controller(self, hostname="127.0.0.1", port=0)
        self._controller.start()
        self.port = self._controller.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    def fault(self, step: str, reply: str = "", **rule: Any) -> Fault:
        """From now on this goes wrong."""
        found = Fault(step, reply, **rule)
        with self._lock:
            self.faults.append(found)
        return found

    def calm(self) -> None:
        with self._lock:
            self.faults.clear()

    def struck(self, step: str, address: str = "", sender: str = "") -> Fault | None:
        with self._lock:
            return next((fault for fault in self.faults if fault.strikes(step, address, sender)), None)

    def close(self) -> None:
        if self._controller.server is not None:
            self._controller.stop()

    # --- aiosmtpd's hooks ------------------------------------------------------------------------------------------

    async def handle_MAIL(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.steps.append(("mail", address, time.time()))
        if found := self.struck("mail", address):
            return await self.say(server, found)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if found := self.struck("rcpt", address):
            return await self.say(server, found)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        recipient = envelope.rcpt_tos[0]
        found = self.struck("dot", recipient, envelope.mail_from or "")
        if found is None or found.taken:
            taken = Taken(envelope.mail_from or "", recipient, bytes(envelope.original_content or b""))
            with self._lock:
                self.taken.append(taken)
            if self.deliver is not None:
                await self.deliver(server.loop, taken)
        return await self.say(server, found) if found else "250 2.0.0 taken"

    async def say(self, server: Any, fault: Fault) -> str:
        """What a fault answers; a silent one never does, and is over when the client leaves."""
        if fault.silent:
            await asyncio.Event().wait()
        return self._word(server, fault)

    @staticmethod
    def _word(server: Any, fault: Fault) -> str:
        if not fault.reply:
            server.transport.abort()
        return fault.reply or "421 nobody hears this"

    def authenticate(
        self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if found := self.struck("auth"):
            return AuthResult(success=False, handled=False, message=self._word(server, found))
        name, password = data.login.decode(), data.password.decode()
        if self.users.get(name) != password and not getattr(session, "refused", False):
            session.refused = True  # type: ignore[attr-defined]
            self.steps.append(("refused", name, time.time()))
        return AuthResult(success=self.users.get(name) == password, handled=False)


class _Smtp(SMTP):
    """Says 354 or fails at DATA, before any content."""

    async def smtp_DATA(self, arg: str) -> None:
        world: SmtpServer = self.event_handler
        if found := world.struck("data"):
            await self.push(await world.say(self, found))
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def __init__(self, world: SmtpServer, **options: Any) -> None:
        self._world = world
        super().__init__(world, ssl_context=world.implicit_tls, **options)

    def factory(self) -> SMTP:
        self._world.connections += 1
        return _Smtp(
            self.handler, authenticator=self._world.authenticate, auth_required=self._world.auth_required, auth_require_tls=False,
            tls_context=self._world.tls, require_starttls=self._world.tls is not None, enable_SMTPUTF8=True,
            hostname="mail.test", loop=self.loop,
        )  # fmt: skip

    def _trigger_server(self) -> None:
        """aiosmtpd knocks at the port it was given, and 0 is nobody's."""
        self.port = self.server.sockets[0].getsockname()[1] if self.server else self.port
        super()._trigger_server()
