"""The process: loopback socket, web server, people reacting in the background, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from automation.channels.sandbox.network import api, control, pages
from automation.channels.sandbox.network.gate import Gate
from automation.channels.sandbox.network.options import ServerOptions, WorldOptions
from automation.channels.sandbox.network.society import Society

FLUSH_EVERY = 1.0  # seconds
PARENT_EVERY = 0.5  # seconds
LONGEST_SLEEP = 1.0  # seconds between two looks at what people are about to do

logger = logging.getLogger("sandbox")


def protocol_for(gate: Gate) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, which also tells the gate the connections, so that it can hang up on
    purpose.
    """

    class Protocol(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self.peer = tuple(transport.get_extra_info("peername")[:2])
            gate.transports[self.peer] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            gate.transports.pop(self.peer, None)
            super().connection_lost(exc)

    return Protocol


def application(gate: Gate, *, ends_with: int | None = None) -> Starlette:
    """The web application, with its background tasks."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(task) for task in (_live(gate), _flush(gate))]
        if ends_with is not None:
            tasks.append(asyncio.create_task(_watch_parent(ends_with)))
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    routes: list[Any] = [*api.routes(gate), *control.routes(gate), *pages.routes(gate)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _live(gate: Gate) -> None:
    """Have people react when they are due; woken early when something happened."""
    while True:
        try:
            gate.society.live()
        except OSError:
            logger.exception("People cannot react: the journal cannot be written. Trying again.")
            await asyncio.sleep(LONGEST_SLEEP)
        due = gate.society.behaviour.next_due()
        wait = LONGEST_SLEEP if due is None else min(LONGEST_SLEEP, max(0.0, due / 1_000_000 - time.time()))
        gate.woken.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gate.woken.wait(), wait)


async def _flush(gate: Gate) -> None:
    while True:
        await asyncio.sleep(FLUSH_EVERY)
        try:
            await asyncio.to_thread(gate.society.journal.flush)
        except OSError:
            logger.exception("The disk does not take the journal. Trying again.")


async def _watch_parent(parent: int) -> None:
    """A test run that was killed must not leave its network behind, not even when it was killed before we looked."""
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket on loopback; :class:`ValueError` for any other address."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise ValueError(f"{host} is not an address. The sandbox listens on 127.0.0.1 or ::1.") from None
    if not address.is_loopback:
        raise ValueError(
            f"The sandbox has no locks on its control doors, so it only listens on loopback, not {host}."
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((str(address), port))
    except OSError as error:
        listener.close()
        raise ValueError(
            f"Port {port} cannot be used: {error.strerror}. Choose another with --port."
        ) from None
    return listener


def serve(world: WorldOptions, options: ServerOptions, *, quiet: bool = False) -> None:
    """Run the network in the foreground until SIGTERM or SIGINT.

    Writes ``address.json`` (url, pid) into the data folder once it listens. Raises :class:`ValueError` for
    options that cannot work and :class:`~.journal.JournalError` for a data folder that cannot be used.
    """
    listener = bind(options.host, options.port)
    try:
        society = Society(world, options)
    except BaseException:
        listener.close()
        raise
    host, port = listener.getsockname()[:2]
    society.base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    gate = Gate(society)
    try:
        listener.listen(2048)
        server = _server(gate, ends_with=options.ends_with)
        _announce(society, options.data, quiet=quiet)
        server.run(sockets=[listener])
    finally:
        listener.close()
        society.journal.close()


def _server(gate: Gate, *, ends_with: int | None) -> uvicorn.Server:
    """The web server, which from now on ends cleanly on SIGTERM and SIGINT."""
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    server = uvicorn.Server(
        uvicorn.Config(
            application(gate, ends_with=ends_with),
            http=protocol_for(gate),
            log_config=None,
            access_log=False,
            ws="none",
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
        )
    )

    def end(*_: object) -> None:
        """For signals before the server handles them itself, and for those it raises once more when it has ended."""
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return server


def _announce(society: Society, folder: Path, *, quiet: bool) -> None:
    draft = folder / "address.new"
    draft.write_text(json.dumps({"url": society.base, "pid": os.getpid()}))
    draft.replace(folder / "address.json")
    if quiet:
        return
    state = society.state
    first = state.accounts()[0]
    print(
        f"Sandbox network at {society.base} with {len(state.members) - len(state.account_ids)} people and "
        f"{len(state.account_ids)} accounts.\n"
        f"  Ledger of every act:  {society.base}/_ledger  and  {society.base}/_ledger/summary\n"
        f"  Accounts and tokens:  {society.base}/_accounts\n"
        f"  Faults on demand:     {society.base}/_faults\n"
        f"  Look around:          {society.base}/@{first.handle}\n"
        "Stop it with Ctrl-C.",
        flush=True,
    )
