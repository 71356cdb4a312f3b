"""The network's HTML pages: few, but real, for people and for browsers that are driven.

A browser has no send id to give unless its form carries one (``send_id``), so acts made here are told apart
by account, kind, target and text.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from automation.channels.sandbox.network import markup, screens
from automation.channels.sandbox.network.gate import Gate
from automation.channels.sandbox.network.society import Rejected
from automation.channels.sandbox.network.state import Event, Member
from automation.channels.sandbox.network.world import secret_of

COOKIE = "sandbox_session"
Endpoint = Callable[[Request], Awaitable[Response]]


def routes(gate: Gate) -> list[Route]:
    """Every page and every form."""
    pages = Pages(gate)
    return [
        Route("/", pages.home),
        Route("/login", pages.login, methods=["GET", "POST"]),
        Route("/logout", pages.logout),
        Route("/search", pages.public("fetch_search", screens.search)),
        Route("/notifications", pages.private("fetch_inbox", screens.notifications)),
        Route("/messages/{key}", pages.private("fetch_profile", screens.messages)),
        Route("/@{key}", pages.public("fetch_profile", screens.profile)),
        Route("/@{key}/followers", pages.public("fetch_related", screens.followers)),
        Route("/@{key}/commenters", pages.public("fetch_commenters", screens.commenters)),
        Route("/post/{key}", pages.public("fetch_profile", screens.post)),
        Route("/post/{key}/reply", pages.form("reply"), methods=["POST"]),
        Route("/post/{key}/like", pages.form("like"), methods=["POST"]),
        Route("/profile/{key}/message", pages.form("dm"), methods=["POST"]),
        Route("/profile/{key}/follow", pages.form("follow"), methods=["POST"]),
        Route("/profile/{key}/unfollow", pages.form("unfollow"), methods=["POST"]),
        Route("/publish", pages.form("post"), methods=["POST"]),
    ]


class Pages:
    """The pages of one society."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._society = gate.society

    # --- Who is looking ---------------------------------------------------------------------------------
    def _session(self, account: Member) -> str:
        purpose = f"session{account.sessions or ''}"
        return f"{account.id}.{secret_of(self._society.world.seed, account.id, purpose)}"

    def _viewer(self, request: Request) -> Member | None:
        cookie = request.cookies.get(COOKIE, "")
        account = self._society.state.members.get(cookie.partition(".")[0])
        if account is None or not account.is_account or account.expired:
            return None
        return account if hmac.compare_digest(cookie.encode(), self._session(account).encode()) else None

    async def login(self, request: Request) -> Response:
        """The login form, and what it sends."""
        if request.method == "GET":
            return markup.page("Log in", markup.login_form(), self._viewer(request))
        given = await _fields(request)
        account = self._society.state.member(given.get("handle", ""))
        password = given.get("password", "").encode()
        if (
            account is None
            or not account.is_account
            or not hmac.compare_digest(password, self._society.password(account).encode())
        ):
            return markup.page("Log in", markup.login_form("Handle or password is wrong."), None, 401)
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, self._session(account), httponly=True, samesite="lax")
        return response

    async def logout(self, request: Request) -> Response:
        """Ends the browser's session."""
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE)
        return response

    # --- Pages ------------------------------------------------------------------------------------------
    async def home(self, request: Request) -> Response:
        """The latest posts of those the viewer follows, or the login form."""
        viewer = self._viewer(request)
        if viewer is None:
            return markup.page("Welcome", markup.login_form(), None)
        return await self._gate.serve(
            request, "fetch_profile", viewer, lambda: screens.home(self._society, viewer)
        )

    def public(self, kind: str, screen: screens.Screen) -> Endpoint:
        """The endpoint of a page that everybody may see; the gate knows those who are logged in."""

        async def endpoint(request: Request) -> Response:
            viewer, key = self._viewer(request), request.path_params.get("key", "")
            query = dict(request.query_params)
            return await self._serve(request, kind, viewer, lambda: screen(self._society, viewer, key, query))

        return endpoint

    def private(self, kind: str, screen: Callable[..., Response]) -> Endpoint:
        """The endpoint of a page for those who are logged in; others are led to the login."""
        shown = self.public(kind, screen)

        async def endpoint(request: Request) -> Response:
            return RedirectResponse("/login", 303) if self._viewer(request) is None else await shown(request)

        return endpoint

    async def _serve(
        self, request: Request, kind: str, viewer: Member | None, show: Callable[[], Response]
    ) -> Response:
        def shown() -> Response:
            try:
                return show()
            except Rejected as rejected:
                return markup.sorry(str(rejected), viewer, rejected.status)

        return await self._gate.serve(request, kind, viewer, shown) if viewer else shown()

    # --- Forms ------------------------------------------------------------------------------------------
    def form(self, kind: str) -> Endpoint:
        """The endpoint of a form that acts; leads back to where the act can be seen."""

        async def endpoint(request: Request) -> Response:
            viewer = self._viewer(request)
            if viewer is None:
                return RedirectResponse("/login", 303)
            given = await _fields(request)
            expected = screens.csrf_of(self._society, viewer)
            if not hmac.compare_digest(given.pop("csrf", "").encode(), expected.encode()):
                return markup.sorry("This form is out of date. Reload it.", viewer, 403)
            key = request.path_params.get("key", "")

            def act() -> Response:
                event = self._society.act(viewer, kind, key, dict(given))
                return RedirectResponse(self._where(kind, event), 303, {"X-Remote-Id": event.result})

            return await self._serve(request, kind, viewer, act)

        return endpoint

    def _where(self, kind: str, event: Event) -> str:
        if kind == "post":
            return f"/post/{event.result}"
        if kind in ("reply", "like"):
            return f"/post/{event.target}"
        handle = self._society.state.members[event.target].handle
        return f"/messages/{handle}" if kind == "dm" else f"/@{handle}"


async def _fields(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    # Browsers send line ends as CR LF; the ledger keeps what was meant.
    return {name: value.replace("\r\n", "\n") for name, value in parse_qsl(body, keep_blank_values=True)}
