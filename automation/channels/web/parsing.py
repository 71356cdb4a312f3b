"""Site files: read, checked whole, and turned into dataclasses. A refusal names the file, the place and the remedy."""

from __future__ import annotations

import re
import tomllib
import zoneinfo
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from automation.channels.web.site import (
    READS,
    STATE_ACTS,
    VARIABLE,
    WRITTEN_ACTS,
    Listing,
    Locate,
    Reading,
    Sign,
    SignIn,
    Site,
    StateAct,
    Take,
    WrittenAct,
)
from automation.channels.web.tables import SiteError, Table, line_of

WAYS = ("role", "label", "text", "placeholder", "test_id", "css")
LOCATE = (*WAYS, "name", "exact", "within")
VALUE = ("attribute", "pattern", "format", "zone", "values")
WRITTEN = {"id", "text", "at"}  # without these nobody can say whether a text is ours
NEEDED = {
    "profile": {"handle", "id"},
    "search": {"handle"},
    "related": {"handle"},
    "commenters": {"handle"},
    "metrics": set(),
    "inbox": {"id", "kind", "handle", "text", "at"},
}
KNOWN = {
    "profile": {"handle", "id", "name", "bio", "language", "followers", "following", "posts"},
    "search": {"handle", "id", "name", "bio"},
    "related": {"handle", "id", "name", "bio"},
    "commenters": {"handle", "id", "name", "bio"},
    "metrics": {"likes", "reposts", "replies", "views"},
    "inbox": {"id", "kind", "handle", "text", "at", "sender_id", "name", "post_id", "automatic"},
}
POST = {"id", "text", "at", "url", "replies", "likes", "author", "language"}
VARIABLES = {"handle", "me", "over", "post_id", "query"}


# --- Small parts ---------------------------------------------------------------------------------------------------
def locate(table: Table, *, more: Collection[str] = ()) -> Locate:
    """How an element is found."""
    ways = [way for way in WAYS if table.has(way)]
    if len(ways) != 1:
        raise table.fail(f"an element is found in one way: one of {', '.join(WAYS)}.")
    found = Locate(
        **{way: table.value(way, str) for way in ways},
        name=table.value("name", str, ""),
        exact=table.value("exact", bool, False),
        within=table.optional("within", locate),
    )
    if found.name and not found.role:
        raise table.fail("a name goes with a role.", "name")
    table.end(more)
    return found


def sign(table: Table) -> Sign:
    """An element that shows, or a status."""
    if not table.has("status"):
        return Sign(locate=locate(table))
    found = Sign(status=table.value("status", int))
    table.end()
    return found


def take(table: Table) -> Take:
    """A value of an element, or of the item itself."""
    found = Take(
        locate=locate(table, more=VALUE) if any(table.has(way) for way in WAYS) else None,
        attribute=table.value("attribute", str, ""),
        pattern=table.value("pattern", str, ""),
        format=table.value("format", str, ""),
        zone=table.value("zone", str, "UTC"),
        values=table.value("values", dict, {}),
    )
    try:
        groups = re.compile(found.pattern).groups
    except re.error as error:
        raise table.fail(f"is no regular expression: {error}.", "pattern") from None
    if found.pattern and groups != 1:
        raise table.fail("needs exactly one group in round brackets: what is taken.", "pattern")
    try:
        zoneinfo.ZoneInfo(found.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise table.fail("is no time zone. Use a name such as Europe/Berlin.", "zone") from None
    table.end(LOCATE)
    return found


def takes(table: Table, known: Collection[str], needed: Collection[str] = ()) -> dict[str, Take]:
    """Values by name."""
    for name in sorted(needed):
        if not table.has(name):
            raise table.fail("is missing.", name)
    return table.each(take, known)


def listing(table: Table, known: Collection[str], needed: Collection[str]) -> Listing:
    """Items of a page."""
    found = Listing(
        items=locate(table.table("items")),
        take=takes(table.table("take"), known, needed),
        next=table.optional("next", locate),
    )
    table.end()
    return found


def path(table: Table, name: str, otherwise: str | None = None) -> str:
    """Where a page is, below the server's address."""
    found = table.value(name, str, otherwise)
    unknown = set(VARIABLE.findall(found)) - VARIABLES
    if unknown:
        raise table.fail(f"knows {{{'}, {'.join(sorted(VARIABLES))}}} only, not {{{unknown.pop()}}}.", name)
    if found and (not found.startswith("/") or found.startswith("//")):
        raise table.fail("is a path below the server's address and begins with one /.", name)
    return found


# --- What a site can do --------------------------------------------------------------------------------------------
def reading(name: str) -> Callable[[Table], Reading]:
    """The parser of one part of [read]."""
    lists = name in ("search", "related", "commenters", "inbox")

    def parse(table: Table) -> Reading:
        values = {} if lists else takes(table.table("take"), KNOWN[name], NEEDED[name])
        items = None
        if lists:
            items = listing(table.table("list"), KNOWN[name], NEEDED[name])
        elif name == "profile" and table.has("list"):
            items = listing(table.table("list"), POST, {"id", "text"})
        found = Reading(path(table, "open"), values, items, table.value("pages", int, 1))
        table.end()
        return found

    return parse


def state_act(table: Table) -> StateAct:
    """Follow, unfollow or like."""
    found = StateAct(
        open=path(table, "open"),
        press=locate(table.table("press")),
        done=sign(table.table("done")),
        undone=sign(table.table("undone")),
        authoritative=table.value("authoritative", bool, False),
    )
    if found.done.locate is None or found.undone.locate is None:
        raise table.fail("done and undone are elements of the page.")
    table.end()
    return found


def written_act(table: Table) -> WrittenAct:
    """Post, reply or dm."""
    fill = table.table("fill")
    if not fill.has("text"):
        raise fill.fail("is missing: the field the text goes into.", "text")
    found = WrittenAct(
        open=path(table, "open"),
        fill=fill.each(locate, ("text", "link", "subject")),
        press=locate(table.table("press")),
        shows=listing(table.table("shows"), POST, WRITTEN),
        sent=table.optional("sent", sign),
        proof=path(table, "proof", ""),
        pages=table.value("pages", int, 5),
        authoritative=table.value("authoritative", bool, False),
    )
    table.end()
    return found


def sign_in(table: Table) -> SignIn:
    """How to sign in, and how to see who is."""
    fill = table.table("fill").each(locate, ("handle", "password")) if table.has("fill") else {}
    found = SignIn(
        open=path(table, "open"),
        viewer=take(table.table("viewer")),
        fill=fill,
        press=table.optional("press", locate),
        wrong=table.tables("wrong", sign),
    )
    if found.viewer.locate is None:
        raise table.fail("is an element of every page that says who is signed in.", "viewer")
    if bool(found.fill) != bool(found.press):
        raise table.fail("fill and press belong together; without both, people sign in by hand.")
    table.end()
    return found


def parse(content: Mapping[str, Any], source: str) -> Site:
    """A site from the content of its file; :class:`SiteError` says what to mend. ``source`` names it in errors."""
    top = Table(content, source)
    site = Site(
        name=top.value("name", str),
        title=top.value("title", str),
        hosts=top.texts("hosts"),
        also=top.texts("also"),
        seconds=top.value("seconds", float, 40.0),
        lag=top.value("lag", float, 5.0),
        clock=top.value("clock", float, 60.0),
        login=sign_in(top.table("login")),
        missing=top.tables("missing", sign),
        refused=top.tables("refused", sign),
        slow_down=top.tables("slow_down", sign),
        reads=_readings(top.table("read")) if top.has("read") else {},
        states=top.table("act").each(state_act, STATE_ACTS) if top.has("act") else {},
        writes=top.table("write").each(written_act, WRITTEN_ACTS) if top.has("write") else {},
        raw=content,
    )
    top.end()
    if not 5 <= site.seconds <= 120:
        raise top.fail("must lie between 5 and 120.", "seconds")
    return site


def _readings(table: Table) -> dict[str, Reading]:
    found = {name: reading(name)(table.table(name)) for name in READS if table.has(name)}
    table.end(READS)
    return found


def load(file: Path) -> Site:
    """The site a file describes; an error names the line that is to be mended."""
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SiteError(f"{file.name} cannot be read: {error}") from None
    try:
        return parse(content, file.name)
    except SiteError as error:
        line = line_of(text, error.place)
        where = f"{file.name}, line {line}" if line else file.name
        raise SiteError(where + str(error).removeprefix(file.name), error.place) from None


__all__ = ["SiteError", "load", "parse"]
