"""HTML from escaped parts; every text that people wrote passes :func:`esc`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse

from automation.channels.sandbox.network.state import Event, Member, Post, State, iso

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}"
    "article,li{border-top:1px solid #ccc;padding:.5rem 0}ol,ul{list-style:none;padding:0}"
    "textarea,input[type=url]{width:100%;box-sizing:border-box}form{margin:.5rem 0}.own{text-align:right}"
    "nav form{display:inline}[role=alert]{color:#a00}"
)
TEXT_FIELD = '<label>{label} <textarea name="text" rows="3" required></textarea></label>'


def esc(text: str) -> str:
    """Safe inside an element and inside a quoted attribute; what HTML cannot carry becomes a replacement
    sign.
    """
    shown = "".join("\ufffd" if ord(one) < 32 and one not in "\t\n\r" else one for one in text)
    return escape(shown.encode("utf-8", "replace").decode())


def page(title: str, body: str, viewer: Member | None, status: int = 200) -> HTMLResponse:
    """A whole page; ``body`` is HTML already."""
    if viewer is None:
        who = '<a href="/login">Log in</a>'
    else:
        search = (
            '<form role="search" action="/search"><input type="search" name="q" aria-label="Search"></form>'
        )
        who = (
            f'<a id="viewer" href="/@{esc(viewer.handle)}">@{esc(viewer.handle)}</a> '
            f'<a href="/notifications">Notifications</a> {search} <a href="/logout">Log out</a>'
        )
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{esc(title)} - Sandbox</title><style>{STYLE}</style></head>"
        f'<body><header><nav><a href="/">Sandbox</a> {who}</nav></header><main>{body}</main></body></html>'
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
    return HTMLResponse(
        html, status, {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    )


def sorry(message: str, viewer: Member | None, status: int) -> HTMLResponse:
    """The page that refuses something and says why."""
    return page("Sorry", f'<h1>Sorry</h1><p role="alert">{esc(message)}</p>', viewer, status)


def form(action: str, csrf: str, fields: str, button: str) -> str:
    """A POST form; ``fields`` is HTML already."""
    return (
        f'<form method="post" action="{esc(action)}"><input type="hidden" name="csrf" value="{esc(csrf)}">'
        f'{fields}<button type="submit">{esc(button)}</button></form>'
    )


def text_field(label: str) -> str:
    """A labelled text area called ``text``."""
    return TEXT_FIELD.format(label=esc(label))


def link_field(label: str) -> str:
    """A labelled, optional address called ``link``."""
    return f'<label>{esc(label)} <input type="url" name="link"></label>'


def login_form(error: str = "") -> str:
    """The login form, with what was wrong last time."""
    alert = f'<p role="alert">{esc(error)}</p>' if error else ""
    return (
        f'<h1>Log in</h1>{alert}<form method="post" action="/login">'
        '<label>Handle <input name="handle" autocomplete="username" required></label> '
        '<label>Password <input name="password" type="password" autocomplete="current-password" required></label> '
        '<button type="submit">Log in</button></form>'
    )


def profile_head(member: Member) -> str:
    """Who somebody is, with the ways to those around them."""
    path = f"/@{esc(member.handle)}"
    return (
        f'<section aria-label="Profile" data-id="{esc(member.id)}"><h1>{esc(member.name)}</h1>'
        f'<p class="handle">@{esc(member.handle)}</p><p class="bio" lang="{esc(member.language)}">{esc(member.bio)}</p>'
        f'<p><a href="{path}/followers">{len(member.followers)} followers</a>, '
        f"<span>{len(member.following)} following</span>, <span>{len(member.posts)} posts</span>, "
        f'<a href="{path}/commenters">commenters</a></p></section>'
    )


def post_card(state: State, post: Post) -> str:
    """One post or comment in a list."""
    author = state.members[post.author]
    link = f' <a href="{esc(post.link)}" rel="nofollow">{esc(post.link)}</a>' if _is_web(post.link) else ""
    return (
        f'<article id="{esc(post.id)}"><p><a rel="author" href="/@{esc(author.handle)}">{esc(author.name)}</a> '
        f'<a rel="bookmark" href="/post/{esc(post.id)}">{_time(post.at)}</a></p>'
        f'<p class="text">{esc(post.text)}{link}</p>'
        f"<p><span>{len(post.likes)} likes</span>, <span>{len(post.replies)} replies</span>, "
        f"<span>{post.views} views</span></p></article>"
    )


def people(members: Iterable[Member], following: str = "") -> str:
    """A list of people, and the way to the next page."""
    rows = "".join(
        f'<li data-id="{esc(one.id)}"><a href="/@{esc(one.handle)}">{esc(one.name)}</a> '
        f'<span class="handle">@{esc(one.handle)}</span><p class="bio">{esc(one.bio)}</p></li>'
        for one in members
    )
    return f'<ul aria-label="People">{rows}</ul>{onward(following)}'


def onward(address: str) -> str:
    """The way to the next page of a list, if there is one."""
    return f'<a rel="next" href="{esc(address)}">Next page</a>' if address else ""


def message(event: Event, author: Member, *, own: bool) -> str:
    """One message of a thread."""
    return (
        f'<li data-id="{esc(event.result)}" class="{"own" if own else "theirs"}">'
        f'<p class="text">{esc(event.text)}</p><small>@{esc(author.handle)} {_time(event.at)}</small></li>'
    )


def notification(event: Event, author: Member) -> str:
    """One message or comment we were sent, in the list of all of them."""
    kind = "comment" if event.what == "reply" else "dm"
    where = f"/post/{esc(event.target)}" if kind == "comment" else f"/messages/{esc(author.handle)}"
    what = "commented" if kind == "comment" else "wrote"
    automatic = ' <span class="automatic">automatic reply</span>' if event.automatic else ""
    return (
        f'<li data-id="{esc(event.result)}" data-kind="{kind}" data-sender="{esc(author.id)}">'
        f'<a rel="author" href="/@{esc(author.handle)}">{esc(author.name)}</a> '
        f'<a href="{where}">{what}</a> {_time(event.at)}{automatic}<p class="text">{esc(event.text)}</p></li>'
    )


def _time(at: int) -> str:
    return f'<time datetime="{iso(at)}">{iso(at)[:16]}</time>'


def _is_web(link: str) -> bool:
    return link.startswith(("https://", "http://"))
