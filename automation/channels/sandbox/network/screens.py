"""What the pages show, for one viewer: plain functions from the network's state to HTML."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from starlette.responses import Response

from automation.channels.sandbox.network import markup
from automation.channels.sandbox.network.society import Society
from automation.channels.sandbox.network.state import Member
from automation.channels.sandbox.network.world import secret_of

PAGE = 20
Screen = Callable[[Society, Member | None, str, dict[str, str]], Response]


def csrf_of(society: Society, account: Member) -> str:
    """What every form of an account carries, so that no other page can send it."""
    return secret_of(society.world.seed, account.id, "csrf")


def home(society: Society, viewer: Member) -> Response:
    """The latest posts of those the viewer follows, and the form for an own one."""
    state = society.state
    ids = [one for followed in (viewer.id, *viewer.following) for one in state.members[followed].posts[-5:]]
    posts = sorted((state.posts[one] for one in ids), key=lambda post: -post.at)
    cards = "".join(markup.post_card(state, post) for post in posts[:30] if not post.gone)
    fields = markup.text_field("What is new?") + markup.link_field("Link")
    compose = markup.form("/publish", csrf_of(society, viewer), fields, "Post")
    return markup.page("Home", f"<h1>Home</h1>{compose}{cards}", viewer)


def profile(society: Society, viewer: Member | None, key: str, query: dict[str, str]) -> Response:
    """Somebody's bio and latest posts, with what the viewer may do."""
    state, member = society.state, society.profile(key)
    newest = member.posts[::-1]
    start = _start(query)
    posts = [state.posts[one] for one in newest[start : start + PAGE]]
    cards = "".join(markup.post_card(state, post) for post in posts if not post.gone)
    more = _next(f"/@{member.handle}", query, start, len(newest))
    body = markup.profile_head(member) + _profile_forms(society, member, viewer) + cards + markup.onward(more)
    return markup.page(member.name, body, viewer)


def _profile_forms(society: Society, member: Member, viewer: Member | None) -> str:
    if viewer is None or viewer is member:
        return ""
    base, csrf = f"/profile/{member.id}", csrf_of(society, viewer)
    verb, label = ("unfollow", "Unfollow") if member.id in viewer.following else ("follow", "Follow")
    message = markup.form(f"{base}/message", csrf, markup.text_field("Message"), "Send message")
    thread = f'<p><a href="/messages/{markup.esc(member.handle)}">Messages</a></p>'
    return markup.form(f"{base}/{verb}", csrf, "", label) + message + thread


def post(society: Society, viewer: Member | None, key: str, query: dict[str, str]) -> Response:
    """One post with its comments, and the forms to like and answer it."""
    state, found = society.state, society.post(key)
    body = markup.post_card(state, found)
    if viewer is not None:
        csrf = csrf_of(society, viewer)
        if viewer.id in found.likes:
            body += '<p><button type="button" aria-pressed="true" disabled>Liked</button></p>'
        else:
            body += markup.form(f"/post/{found.id}/like", csrf, "", "Like")
        body += markup.form(f"/post/{found.id}/reply", csrf, markup.text_field("Your reply"), "Reply")
    comments = [state.posts[one] for one in found.replies]
    cards = "".join(markup.post_card(state, one) for one in comments if not one.gone)
    body += f'<section aria-label="Replies"><h2>Replies</h2>{cards}</section>'
    return markup.page(f"Post by {state.members[found.author].name}", body, viewer)


def followers(society: Society, viewer: Member | None, key: str, query: dict[str, str]) -> Response:
    """Who follows somebody; paged by when each began, so that somebody leaving moves nobody to another page."""
    member, after = society.profile(key), _start(query)
    later = [(tick, one) for one, tick in member.followers.items() if tick > after]
    shown = later[:PAGE]
    more = f"/@{member.handle}/followers?after={shown[-1][0]}" if len(later) > PAGE else ""
    return _people(society, viewer, f"Followers of {member.name}", [one for _, one in shown], more)


def commenters(society: Society, viewer: Member | None, key: str, query: dict[str, str]) -> Response:
    """Who commented on somebody's posts."""
    member, start = society.profile(key), _start(query)
    ids = society.state.commenters(member, _number(query.get("over", ""), 0))
    more = _next(f"/@{member.handle}/commenters", query, start, len(ids))
    return _people(society, viewer, f"Commenters of {member.name}", ids[start : start + PAGE], more)


def search(society: Society, viewer: Member | None, key: str, query: dict[str, str]) -> Response:
    """People by their handle, or by the words of their bio and posts."""
    words, start = query.get("q", ""), _start(query)
    named = society.state.member(words)
    ids = society.state.found(words)
    if named is not None and named.id not in ids:
        ids = [named.id, *ids]
    more = _next("/search", query, start, len(ids))
    return _people(society, viewer, f"People for {words}", ids[start : start + PAGE], more)


def _people(society: Society, viewer: Member | None, title: str, ids: list[str], more: str) -> Response:
    members = [society.state.members[one] for one in ids]
    return markup.page(title, f"<h1>{markup.esc(title)}</h1>{markup.people(members, more)}", viewer)


def messages(society: Society, viewer: Member, key: str, query: dict[str, str]) -> Response:
    """The thread with somebody, the newest message last, and the form for the next one."""
    state, member = society.state, society.profile(key)
    thread = state.threads.get(frozenset((viewer.id, member.id)), [])
    end = max(0, len(thread) - _start(query))
    shown = thread[max(0, end - PAGE) : end]
    rows = "".join(markup.message(one, state.members[one.by], own=one.by == viewer.id) for one in shown)
    earlier = _next(f"/messages/{member.handle}", query, len(thread) - end, len(thread))
    body = (
        f"<h1>Messages with {markup.esc(member.name)}</h1>"
        f'{markup.onward(earlier)}<ol aria-label="Messages">{rows}</ol>'
        + markup.form(
            f"/profile/{member.id}/message",
            csrf_of(society, viewer),
            markup.text_field("Message"),
            "Send message",
        )
    )
    return markup.page(f"Messages with {member.name}", body, viewer)


def notifications(society: Society, viewer: Member, key: str, query: dict[str, str]) -> Response:
    """Every message and comment the viewer was sent, the newest first; ``before`` counts from the oldest."""
    total = len(viewer.inbox)
    end = min(total, _number(query.get("before", ""), total))
    begin = max(0, end - PAGE)
    shown = society.read_inbox(viewer, begin, end - begin)
    rows = "".join(markup.notification(one, society.state.members[one.by]) for one in reversed(shown))
    more = f"/notifications?before={begin}" if begin else ""
    body = f'<h1>Notifications</h1><ol aria-label="Notifications">{rows}</ol>{markup.onward(more)}'
    return markup.page("Notifications", body, viewer)


def _start(query: dict[str, str]) -> int:
    return _number(query.get("after", ""), 0)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else otherwise


def _next(path: str, query: dict[str, str], start: int, total: int) -> str:
    if start + PAGE >= total:
        return ""
    return f"{path}?{urlencode({**query, 'after': start + PAGE})}"
