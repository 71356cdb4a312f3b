"""Small pieces of HTML for lists and pages. Everything that comes from data is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from json import dumps
from typing import Any

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

EMPTY = "–"


def admin_url(instance: Model, *, model: str = "") -> str:
    """The page of one row; ``model`` names a proxy instead of the row's own model."""
    name = f"{instance._meta.app_label}_{model or instance._meta.model_name}"
    return reverse(f"admin:{name}_change", args=[instance.pk])


def link(url: str, text: object) -> SafeString:
    """A link; the text is escaped, and an address that is not http(s) or a path of ours is shown as text only."""
    if not url.startswith(("https://", "http://", "/")) or url.startswith("//"):
        return format_html("{}", text)
    ours = url.startswith("/")
    extra = "" if ours else format_html(' rel="{}" target="{}"', "noopener noreferrer nofollow", "_blank")
    return format_html('<a class="o-link" href="{}"{}>{}</a>', url, extra, text)


def to(instance: Model | None, text: object = None) -> SafeString | str:
    """A link to a row's page, or a dash."""
    if instance is None:
        return EMPTY
    return link(admin_url(instance), instance if text is None else text)


def badge(text: object, colour: str = "", *, title: str = "") -> SafeString:
    """A coloured label: ``green``, ``amber``, ``red``, ``blue`` or grey."""
    return format_html('<span class="o-badge o-{}" title="{}">{}</span>', colour or "grey", title, text)


def banner(text: object, colour: str = "blue") -> SafeString:
    """A coloured line across the page."""
    return format_html('<div class="o-banner o-{}" role="status">{}</div>', colour, text)


def state(instance: Model, field: str, colours: Mapping[Any, str], *, title: str = "") -> SafeString:
    """A choice field's label in the colour of its value."""
    text = getattr(instance, f"get_{field}_display")()
    return badge(text, colours.get(getattr(instance, field), ""), title=title)


def stacked(first: object, second: object = "") -> SafeString:
    """Two lines: what it is, and a smaller remark that is cut to one line and shown whole on hover."""
    if not second:
        return format_html("{}", first)
    return format_html(
        '<span class="o-stack"><span>{}</span><small title="{}">{}</small></span>', first, second, second
    )


def lines(items: Iterable[object]) -> SafeString | str:
    """One line each, or a dash."""
    return format_html_join("", '<span class="o-line">{}</span>', ((item,) for item in items)) or EMPTY


def sentence(text: object) -> SafeString | str:
    """Words that want some width, or a dash."""
    return format_html('<span class="o-sentence">{}</span>', text) if text else EMPTY


def when(at: datetime | None, *, none: str = EMPTY) -> SafeString | str:
    """How long ago or from now; the exact time on hover."""
    if at is None:
        return none
    exact = timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S %Z")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact, naturaltime(at))


def meter(used: int, limit: int) -> SafeString:
    """``used`` of ``limit`` with a bar."""
    share = 100 if limit <= 0 else min(100, round(100 * used / limit))
    colour = "red" if share >= 100 else "amber" if share >= 80 else "green"
    return format_html(
        '<span class="o-meter" title="{} of {} used"><span>{}/{}</span>'
        '<progress class="o-{}" max="100" value="{}"></progress></span>',
        used, limit, used, limit, colour, share,
    )  # fmt: skip


def progress(done: int, total: int) -> SafeString:
    """``done`` of ``total`` with a bar that is green all along: more is better."""
    share = 100 if total <= 0 else round(100 * done / total)
    return format_html(
        '<span class="o-meter" title="{} of {} done"><span>{}/{}</span>'
        '<progress class="o-green" max="100" value="{}"></progress></span>',
        done, total, done, total, share,
    )  # fmt: skip


def duration(seconds: float) -> str:
    """``90`` as ``1 min 30 s``; under a second in milliseconds."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    rest = round(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def json(data: object) -> SafeString:
    """JSON for people, escaped."""
    return format_html('<pre class="o-pre">{}</pre>', dumps(data, indent=2, ensure_ascii=False, default=str))


def joined(*pieces: object) -> SafeString:
    """Pieces with a space between, each escaped."""
    return format_html_join(" ", "{}", ((piece,) for piece in pieces if piece))
