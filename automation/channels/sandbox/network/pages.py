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

from automation.channels.sandbox.network import markup
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
        Route("/@{handle}", pages.profile),
        Route("/post/{key}", pages.post),
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
        return f"{account.id}.{secret_of(self._society.world.seed, account.id, 'session')}"

    def _csrf(self, account: Member) -> str:
        return secret_of(self._society.world.seed, account.id, "csrf")

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
        return await self._gate.serve(request, "fetch_profile", viewer, lambda: self._home(viewer))

    def _home(self, viewer: Member) -> Response:
        state = self._society.state
        ids = [
            one for followed in (viewer.id, *viewer.following) for one in state.members[followed].posts[-5:]
        ]
        posts = sorted((state.posts[one] for one in ids), key=lambda post: -post.at)
        cards = "".join(markup.post_card(state, post) for post in posts[:30] if not post.gone)
        compose = markup.form("/publish", self._csrf(viewer), markup.text_field("What is new?"), "Post")
        return markup.page("Home", f"<h1>Home</h1>{compose}{cards}", viewer)

    async def profile(self, request: Request) -> Response:
        """Somebody's bio and latest posts, with what the viewer may do."""
        viewer = self._viewer(request)
        key = request.path_params["handle"]
        return await self._serve(request, "fetch_profile", viewer, lambda: self._profile(key, viewer))

    def _profile(self, key: str, viewer: Member | None) -> Response:
        state, member = self._society.state, self._society.profile(key)
        posts = [state.posts[one] for one in reversed(member.posts[-20:])]
        cards = "".join(markup.post_card(state, post) for post in posts if not post.gone)
        esc = markup.esc
        body = (
            f'<h1>{esc(member.name)}</h1><p>@{esc(member.handle)}</p><p class="bio">{esc(member.bio)}</p>'
            f"<p>{len(member.followers)} followers, {len(member.following)} following</p>"
            f"{self._profile_forms(member, viewer)}{cards}"
        )
        return markup.page(member.name, body, viewer)

    def _profile_forms(self, member: Member, viewer: Member | None) -> str:
        if viewer is None or viewer is member:
            return ""
        base, csrf = f"/profile/{member.id}", self._csrf(viewer)
        follows = member.id in viewer.following
        verb, label = ("unfollow", "Unfollow") if follows else ("follow", "Follow")
        message = markup.form(f"{base}/message", csrf, markup.text_field("Message"), "Send message")
        return markup.form(f"{base}/{verb}", csrf, "", label) + message

    async def post(self, request: Request) -> Response:
        """One post with its comments and the reply form."""
        viewer = self._viewer(request)
        key = request.path_params["key"]
        return await self._serve(request, "fetch_profile", viewer, lambda: self._post(key, viewer))

    def _post(self, key: str, viewer: Member | None) -> Response:
        state, post = self._society.state, self._society.post(key)
        comments = [state.posts[one] for one in post.replies]
        body = markup.post_card(state, post)
        if viewer is not None:
            csrf = self._csrf(viewer)
            body += markup.form(f"/post/{post.id}/like", csrf, "", "Like")
            body += markup.form(f"/post/{post.id}/reply", csrf, markup.text_field("Your reply"), "Reply")
        body += "<h2>Replies</h2>" + "".join(markup.post_card(state, one) for one in comments if not one.gone)
        return markup.page(f"Post by {state.members[post.author].name}", body, viewer)

    async def _serve(
        self, request: Request, kind: str, viewer: Member | None, show: Callable[[], Response]
    ) -> Response:
        def shown() -> Response:
            try:
                return show()
            except Rejected as rejected:
                return markup.page(
                    "Sorry", f"<h1>Sorry</h1><p>{markup.esc(str(rejected))}</p>", viewer, rejected.status
                )

        return await self._gate.serve(request, kind, viewer, shown) if viewer else shown()

    # --- Forms ------------------------------------------------------------------------------------------
    def form(self, kind: str) -> Endpoint:
        """The endpoint of a form that acts; leads back to where the act can be seen."""

        async def endpoint(request: Request) -> Response:
            viewer = self._viewer(request)
            if viewer is None:
                return RedirectResponse("/login", 303)
            given = await _fields(request)
            if not hmac.compare_digest(given.pop("csrf", "").encode(), self._csrf(viewer).encode()):
                return markup.page(
                    "Sorry", "<h1>Sorry</h1><p>This form is out of date. Reload it.</p>", viewer, 403
                )
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
        return f"/@{self._society.state.members[event.target].handle}"


async def _fields(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    # Browsers send line ends as CR LF; the ledger keeps what was meant.
    return {name: value.replace("\r\n", "\n") for name, value in parse_qsl(body, keep_blank_values=True)}
