"""HTML from escaped parts; every text that people wrote passes :func:`esc`."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

from automation.channels.sandbox.network.state import Member, Post, State, iso

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}"
    "article{border-top:1px solid #ccc;padding:.5rem 0}textarea{width:100%}form{margin:.5rem 0}"
)


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
        who = f'<a id="viewer" href="/@{esc(viewer.handle)}">@{esc(viewer.handle)}</a> <a href="/logout">Log out</a>'
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


def form(action: str, csrf: str, fields: str, button: str) -> str:
    """A POST form; ``fields`` is HTML already."""
    return (
        f'<form method="post" action="{esc(action)}"><input type="hidden" name="csrf" value="{esc(csrf)}">'
        f'{fields}<button type="submit">{esc(button)}</button></form>'
    )


def text_field(label: str) -> str:
    """A labelled text area called ``text``."""
    return f'<label>{esc(label)} <textarea name="text" rows="3" required></textarea></label>'


def login_form(error: str = "") -> str:
    """The login form, with what was wrong last time."""
    alert = f'<p role="alert">{esc(error)}</p>' if error else ""
    return (
        f'<h1>Log in</h1>{alert}<form method="post" action="/login">'
        '<label>Handle <input name="handle" autocomplete="username" required></label> '
        '<label>Password <input name="password" type="password" autocomplete="current-password" required></label> '
        '<button type="submit">Log in</button></form>'
    )


def post_card(state: State, post: Post) -> str:
    """One post or comment in a list."""
    author = state.members[post.author]
    link = f' <a href="{esc(post.link)}" rel="nofollow">{esc(post.link)}</a>' if _is_web(post.link) else ""
    return (
        f'<article id="{esc(post.id)}"><p><a href="/@{esc(author.handle)}">{esc(author.name)}</a> '
        f'<a href="/post/{esc(post.id)}"><time datetime="{iso(post.at)}">{iso(post.at)[:16]}</time></a></p>'
        f'<p class="text">{esc(post.text)}{link}</p>'
        f"<p>{len(post.likes)} likes, {len(post.replies)} replies</p></article>"
    )


def _is_web(link: str) -> bool:
    return link.startswith(("https://", "http://"))
