"""pymap in a thread: mailboxes in memory, filled from outside as a mail server fills them."""

from __future__ import annotations

import asyncio
import threading
from argparse import Namespace
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from uuid import uuid4

from proxyprotocol.result import ProxyResultLocal
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, DictBackend, Identity, Login
from pymap.backend.dict.mailbox import MailboxData
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials.flag import Flag, Recent, Wildcard, get_system_flags
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import Cleartext

ARGUMENTS = Namespace(passlib_cfg=None, proxy_protocol="noop", inherited_sockets=None)


# Its users may keep keywords of their own, as on most servers.
MailboxData.permanent_flags = property(  # type: ignore[assignment,misc]
    lambda self: (get_system_flags() - {Recent}) | {Wildcard}
)


class ImapServer:
    """Any number of users on one port of loopback. ``down`` and ``up`` make an outage; mail still arrives in it."""

    def __init__(self, *, starttls: Any = None, tls: Any = None) -> None:
        """``starttls`` and ``tls`` are contexts: to be asked for, or spoken from the first byte."""
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="imap", daemon=True)
        self._thread.start()
        self._config = Config(
            ARGUMENTS, host="127.0.0.1", port=0, demo_data=False, demo_user="nobody", demo_password="",
            tls_enabled=starttls is not None, ssl_context=starttls, invalid_user_sleep=0.0,
            hash_context=Cleartext(), cpu_subsystem=Subsystem.for_threading(ThreadPoolExecutor(2)),
        )  # fmt: skip
        self._login = Login(self._config)
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.contents: dict[str, list[bytes]] = defaultdict(list)  # of the inboxes, by user
        self.up()

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def up(self) -> None:
        """Take connections, on the same port as ever."""
        self._run(self._listen())

    async def _listen(self) -> None:
        self._config.apply_context()
        serve = IMAPServer(DictBackend(self._login, self._config).login, self._config)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._open.add(writer)
            try:
                await serve(
                    reader, writer, SocketInfo.get(writer, ProxyResultLocal(), unique_id=uuid4().bytes)
                )
            finally:
                self._open.discard(writer)

        self._server = await asyncio.start_server(answer, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def down(self) -> None:
        """Refuse connections and drop the open ones."""
        self._run(self._close())

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        for _ in range(
            100
        ):  # their tasks end on their own; one that is cut off is complained of in another test
            if not self._open:
                break
            await asyncio.sleep(0.01)

    def add_user(self, name: str, password: str, *folders: str) -> None:
        """A mailbox with an INBOX and these folders."""
        self._run(self._add_user(name, password, folders))

    async def _add_user(self, name: str, password: str, folders: tuple[str, ...]) -> None:
        hashed = await Passwords(self._config).hash_password(password)
        await self._identity(name).set(UserMetadata(self._config, name, password=hashed))
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(self._identity(name).new_session())
            for folder in folders:
                await session.mailbox_set.add_mailbox(folder)

    def _identity(self, name: str) -> Identity:
        return Identity(name, self._login, None, frozenset({"admin"}))

    def put(self, name: str, content: bytes, folder: str = "INBOX", *, at: datetime | None = None) -> None:
        """A message arrives, or arrived ``at``."""
        self._run(self.deliver(name, content, folder, at))

    async def deliver(
        self, name: str, content: bytes, folder: str = "INBOX", at: datetime | None = None
    ) -> None:
        if folder == "INBOX":
            self.contents[name].append(content)
        async with self._identity(name).new_session() as session:
            await session.append_messages(folder, [AppendMessage(content, at, frozenset({Flag(b"\\Seen")}))])

    def deliver_from(self, loop: asyncio.AbstractEventLoop, name: str, content: bytes, folder: str) -> Any:
        """As :meth:`put`, awaited in another loop."""
        work = asyncio.run_coroutine_threadsafe(self.deliver(name, content, folder), self._loop)
        return asyncio.wrap_future(work, loop=loop)

    def renumber(self, name: str) -> None:
        """The server is rebuilt: the same messages under new numbers and a new validity."""
        self._run(self._renumber(name))

    async def _renumber(self, name: str) -> None:
        del self._config.set_cache[name]
        kept, self.contents[name] = self.contents[name], []
        for content in kept:
            await self.deliver(name, content)

    def close(self) -> None:
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
