"""The network's JSON API: what a real network would offer, and what the channel's driver speaks.

Every answer to an act is written after the act is in the journal. An error answer with ``"acted": false``
promises that nothing happened; any other failure promises nothing. Lists are paged by opaque cursors.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from automation.channels.sandbox.network.gate import Gate, Json, problem, read_json
from automation.channels.sandbox.network.society import Rejected, Society
from automation.channels.sandbox.network.state import Event, Member, Post, iso

PAGE = 50
MAX_IDS = 100
Handler = Callable[[Society, Request, Member, dict[str, Any]], Any]


def routes(gate: Gate) -> list[Route]:
    """Every path of the API."""

    def path(method: str, where: str, kind: str, handler: Handler) -> Route:
        return Route(f"/api/v1{where}", _endpoint(gate, kind, handler), methods=[method])

    return [
        Route("/api/v1/token/refresh", _refresh(gate), methods=["POST"]),
        path("GET", "/me", "verify", _me),
        path("GET", "/profiles/{key}", "fetch_profile", _profile),
        path("GET", "/profiles/{key}/followers", "fetch_related", _followers),
        path("GET", "/profiles/{key}/commenters", "fetch_commenters", _commenters),
        path("GET", "/search", "fetch_search", _search),
        path("GET", "/metrics", "fetch_metrics", _metrics),
        path("GET", "/inbox", "fetch_inbox", _inbox),
        path("GET", "/acts/{send_id}", "reconcile", _acts),
        path("POST", "/posts", "post", _act("post")),
        path("POST", "/posts/{key}/replies", "reply", _act("reply")),
        path("POST", "/posts/{key}/like", "like", _act("like")),
        path("POST", "/profiles/{key}/messages", "dm", _act("dm")),
        path("POST", "/profiles/{key}/follow", "follow", _act("follow")),
        path("POST", "/profiles/{key}/unfollow", "unfollow", _act("unfollow")),
    ]


def _endpoint(gate: Gate, kind: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await gate.api(
            request, kind, lambda account, given: handler(gate.society, request, account, given)
        )

    return endpoint


def _refresh(gate: Gate) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        given = await read_json(request) or {}
        try:
            return Json({"token": gate.society.refresh(str(given.get("refresh_token", "")))})
        except Rejected as rejected:
            return problem(rejected.status, str(rejected))

    return endpoint


# --- Cursors --------------------------------------------------------------------------------------------
def _to_cursor(list_name: str, position: int) -> str:
    return base64.urlsafe_b64encode(f"{list_name}:{position}".encode()).decode().rstrip("=")


def _position(cursor: str, list_name: str) -> int:
    if not cursor:
        return 0
    try:
        name, _, position = (
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(":")
        )
        if name == list_name and int(position) >= 0:
            return int(position)
    except (ValueError, binascii.Error):
        pass  # falls through to the one error below
    raise Rejected(400, "This cursor is not one of ours, or of another list.")


def _limit(request: Request) -> int:
    try:
        return min(max(int(request.query_params.get("limit", PAGE)), 1), PAGE)
    except ValueError:
        raise Rejected(400, "limit must be a whole number.") from None


def _over(request: Request) -> int:
    try:
        return max(0, int(request.query_params.get("over", 0)))
    except ValueError:
        raise Rejected(400, "over must be a whole number.") from None


def _page_of(society: Society, request: Request, name: str, ids: Sequence[str]) -> dict[str, Any]:
    """One page of a list that only grows at its end."""
    start, limit = _position(request.query_params.get("cursor", ""), name), _limit(request)
    shown = [_short(society, society.state.members[one]) for one in ids[start : start + limit]]
    more = start + limit < len(ids)
    return {"profiles": shown, "cursor": _to_cursor(name, start + limit) if more else ""}


# --- Shapes ---------------------------------------------------------------------------------------------
def _short(society: Society, member: Member) -> dict[str, Any]:
    return {
        "id": member.id,
        "handle": member.handle,
        "name": member.name,
        "bio": member.bio,
        "language": member.language,
        "url": f"{society.base}/@{member.handle}",
        "followers": len(member.followers),
        "following": len(member.following),
        "posts_count": len(member.posts),
    }


def _post(society: Society, post: Post, language: str) -> dict[str, Any]:
    return {
        "id": post.id,
        "text": post.text,
        "url": f"{society.base}/post/{post.id}",
        "created_at": iso(post.at),
        "language": language,
        "replies": len(post.replies),
        "likes": len(post.likes),
    }


# --- Reading --------------------------------------------------------------------------------------------
def _me(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
    return _short(society, account)


def _profile(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
    member = society.profile(request.path_params["key"])
    posts = [society.state.posts[one] for one in member.posts[-20:]]
    recent = [_post(society, one, member.language) for one in reversed(posts) if not one.gone]
    return _short(society, member) | {"posts": recent}


def _search(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
    query = request.query_params.get("q", "")
    return _page_of(society, request, f"search {query}", society.state.found(query))


def _followers(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
    """Paged by when each began to follow, so that somebody leaving moves nobody to another page."""
    member = society.profile(request.path_params["key"])
    name, limit = f"followers {member.id}", _limit(request)
    after = _position(request.query_params.get("cursor", ""), name)
    later = [(tick, one) for one, tick in member.followers.items() if tick > after]
    shown = later[:limit]
    cursor = _to_cursor(name, shown[-1][0]) if len(later) > limit else ""
    return {"profiles": [_short(society, society.state.members[one]) for _, one in shown], "cursor": cursor}


def _commenters(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
    member = society.profile(request.path_params["key"])
    over = _over(request)
    found = society.state.commenters(member, over)
    return _page_of(society, request, f"commenters {member.id} {over}", found)


def _metrics(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
    ids = [one for one in request.query_params.get("ids", "").split(",") if one]
    if len(ids) > MAX_IDS:
        raise Rejected(422, f"At most {MAX_IDS} posts at once.")
    return {"posts": [_figures(society, one) for one in ids]}


def _figures(society: Society, post_id: str) -> dict[str, Any]:
    post = society.state.posts.get(post_id)
    if post is None or post.gone:
        return {"id": post_id, "gone": True}
    return {
        "id": post_id,
        "gone": False,
        "likes": len(post.likes),
        "reposts": 0,
        "replies": len(post.replies),
        "views": post.views,
    }


def _inbox(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
    name, limit = f"inbox {account.id}", _limit(request)
    start = _position(request.query_params.get("since", ""), name)
    messages = society.read_inbox(account, start, limit)
    end = start + len(messages)
    return {
        "messages": [_message(society, one) for one in messages],
        "cursor": _to_cursor(name, end),
        "more": end < len(account.inbox),
    }


def _message(society: Society, event: Event) -> dict[str, Any]:
    sender = society.state.members[event.by]
    is_comment = event.what == "reply"
    return {
        "id": event.result,
        "kind": "comment" if is_comment else "dm",
        "sender": {"id": sender.id, "handle": sender.handle, "name": sender.name},
        "text": event.text,
        "sent_at": iso(event.at),
        "post_id": event.target if is_comment else "",
        "automatic": event.automatic,
    }


def _acts(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
    """What this account did under a send id. An empty list is authoritative: it did not happen."""
    found = society.state.by_send_id.get((account.id, request.path_params["send_id"]), [])
    return {"acts": [_taken(society, one) for one in found]}


# --- Acting ---------------------------------------------------------------------------------------------
def _act(kind: str) -> Handler:
    def handler(society: Society, request: Request, account: Member, given: dict[str, Any]) -> dict[str, Any]:
        return _taken(society, society.act(account, kind, request.path_params.get("key", ""), given))

    return handler


def _taken(society: Society, event: Event) -> dict[str, Any]:
    url = f"{society.base}/post/{event.result}" if event.what in ("post", "reply") else ""
    return {"id": event.result, "kind": event.what, "url": url, "at": iso(event.at), "send_id": event.send_id}
