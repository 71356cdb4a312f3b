"""A browser's window shown on a page of this machine: pictures go out, clicks and keys come in.

Whoever can open the page could act as the account, so it listens on loopback only, opens once with a token, and takes
input from itself alone.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import uvicorn
from playwright.async_api import BrowserContext, Error, Page
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from automation.channels.web.login.screen import POLICY, screen

BOUNDARY = "frame"
STILL_SECONDS = 2.0  # without news the last picture is sent again, so that a late page is not blank
MOST_TEXT = 1000
KEYS = frozenset(
    {
        "Enter", "Tab", "Backspace", "Delete", "Escape", "Home", "End", "PageUp", "PageDown",
        "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown",
    }
)  # fmt: skip
QUALITY = {"format": "jpeg", "quality": 60}


class Stream:
    """The local page, as long as the ``async with`` lasts. It shows the newest window of the context."""

    def __init__(
        self, context: BrowserContext, page: Page, *, title: str, size: tuple[int, int], port: int
    ) -> None:
        self._page, self._size = page, size
        self._title = title
        self._token, self._session = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._frame, self._fresh = b"", asyncio.Condition()
        self._casts: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = int(self._listener.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._application(), log_config=None, access_log=False, timeout_graceful_shutdown=1
            )
        )
        self._serving: asyncio.Task[None] | None = None
        context.on("page", self._show)

    @property
    def address(self) -> str:
        """Where to look, once."""
        return f"http://127.0.0.1:{self.port}/?token={self._token}"

    @property
    def is_running(self) -> bool:
        """Whether the page is still served; Ctrl-C ends it."""
        return self._serving is not None and not self._serving.done()

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        self._show(self._page)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        async with self._fresh:
            self._fresh.notify_all()  # the pictures end, and with them the last request
        for cast in self._casts:
            cast.cancel()
        if self._serving is not None:
            await asyncio.gather(self._serving, *self._casts, return_exceptions=True)
        self._listener.close()

    # --- The window ------------------------------------------------------------------------------------------------
    def _show(self, page: Page) -> None:
        self._page = page
        page.on("close", self._back)
        cast = asyncio.create_task(self._cast(page))
        self._casts.add(cast)
        cast.add_done_callback(self._casts.discard)

    def _back(self, closed: Page) -> None:
        """A window that closes gives way to the one before."""
        left = [page for page in closed.context.pages if page is not closed]
        if left:
            self._page = left[-1]

    async def _cast(self, page: Page) -> None:
        try:
            session = await page.context.new_cdp_session(page)
        except Error:
            return  # it closed at once
        frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        session.on("Page.screencastFrame", frames.put_nowait)
        width, height = self._size
        try:
            await session.send("Page.startScreencast", {**QUALITY, "maxWidth": width, "maxHeight": height})
            while True:
                frame = await frames.get()
                await session.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})
                if page is self._page:
                    async with self._fresh:
                        self._frame = base64.b64decode(frame["data"])
                        self._fresh.notify_all()
        except Error:
            return  # the window closed

    # --- The page --------------------------------------------------------------------------------------------------
    def _application(self) -> Starlette:
        routes = [
            Route("/", self._home),
            Route("/frames", self._frames),
            Route("/input", self._input, methods=["POST"]),
        ]
        hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
        return Starlette(routes=routes, middleware=[hosts])

    @property
    def _cookie(self) -> str:
        return f"login_{self.port}"

    def _is_known(self, request: Request) -> bool:
        given = request.cookies.get(self._cookie, "")
        return secrets.compare_digest(given.encode(), self._session.encode())

    async def _home(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        if self._token and secrets.compare_digest(token.encode(), self._token.encode()):
            self._token = ""  # used up
            response: Response = RedirectResponse("/", 303)
            response.set_cookie(self._cookie, self._session, httponly=True, samesite="strict")
            return response
        if not self._is_known(request):
            return PlainTextResponse("This address can be opened once. Run the command again.", 403)
        return HTMLResponse(screen(self._title, self._size), headers=POLICY)

    async def _frames(self, request: Request) -> Response:
        if not self._is_known(request):
            return PlainTextResponse("Not signed in here.", 403)
        return StreamingResponse(
            self._pictures(), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        )

    async def _pictures(self) -> AsyncIterator[bytes]:
        while not self._server.should_exit:
            if self._frame:
                head = (
                    f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(self._frame)}\r\n\r\n"
                )
                yield head.encode() + self._frame + b"\r\n"
            async with self._fresh:
                try:
                    await asyncio.wait_for(self._fresh.wait(), STILL_SECONDS)
                except TimeoutError:
                    continue

    async def _input(self, request: Request) -> Response:
        origin = urlsplit(request.headers.get("origin", "")).netloc
        if not self._is_known(request) or origin != request.headers.get("host", ""):
            return PlainTextResponse("Not from here.", 403)
        try:
            await self._do(await request.json())
        except (ValueError, KeyError, TypeError, AttributeError):
            return PlainTextResponse("That is no input.", 400)
        except Error:
            return PlainTextResponse("The window did not take it.", 409)
        return Response(status_code=204)

    async def _do(self, given: dict[str, Any]) -> None:
        """One click, key, text or turn of the wheel; :class:`ValueError` for anything else."""
        page = self._page
        match given["kind"]:
            case "click":
                await page.mouse.click(*self._place(given))
            case "wheel":
                await page.mouse.move(*self._place(given))
                await page.mouse.wheel(0, max(-2000.0, min(2000.0, float(given["by"]))))
            case "key" if given["key"] in KEYS:
                await page.keyboard.press(given["key"])
            case "text" if isinstance(given["text"], str) and len(given["text"]) <= MOST_TEXT:
                await page.keyboard.type(given["text"])
            case _:
                raise ValueError("no such input")

    def _place(self, given: dict[str, Any]) -> tuple[float, float]:
        """Where, from shares of the width and height to pixels."""
        x, y = float(given["x"]), float(given["y"])
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError("outside")
        return x * self._size[0], y * self._size[1]
