"""A site as its file describes it: where its pages are, how they are worked, and what they say.

Everything here is read from TOML by :mod:`automation.channels.web.parsing`, which checks it; README and
``sites/sandbox.toml`` show the language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from automation.channels.base import NotFound

VARIABLE = re.compile(r"\{(\w+)\}")
STATE_ACTS = ("follow", "unfollow", "like")
WRITTEN_ACTS = {"post": "post", "reply": "reply", "dm": "dm"}
# What each part of [read] is for, and the fields it may and must take.
READS = {
    "profile": "fetch_profile",
    "search": "fetch_search",
    "related": "fetch_related",
    "commenters": "fetch_commenters",
    "metrics": "fetch_metrics",
    "inbox": "fetch_inbox",
}


@dataclass(frozen=True, slots=True)
class Locate:
    """How an element is found, as a person would name it: by role and name, label, text, placeholder or test id.

    ``css`` is for what no person can name. ``within`` narrows it to the inside of another element. Names may hold
    ``{variables}``.
    """

    role: str = ""
    name: str = ""
    exact: bool = False
    label: str = ""
    text: str = ""
    placeholder: str = ""
    test_id: str = ""
    css: str = ""
    within: Locate | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """Something a page says: an element that shows, or the status the site answered with."""

    locate: Locate | None = None
    status: int = 0


@dataclass(frozen=True, slots=True)
class Take:
    """A value of a page or of one item of a list: an element's text or attribute, or the first group of ``pattern``
    in it. Without an element it is taken from the item itself.

    ``format`` (as strptime takes it) and ``zone`` read times that are not ISO 8601; ``values`` translates.
    """

    locate: Locate | None = None
    attribute: str = ""
    pattern: str = ""
    format: str = ""
    zone: str = "UTC"
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """Items of one kind on a page, what is taken from each, and the way to the next page."""

    items: Locate
    take: Mapping[str, Take]
    next: Locate | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A page that is read: single values, a list, or both. ``pages`` is how many of a list are read at once."""

    open: str
    take: Mapping[str, Take] = field(default_factory=dict)
    list: Listing | None = None
    pages: int = 1


@dataclass(frozen=True, slots=True)
class StateAct:
    """An act that puts a button into another state. ``done`` and ``undone`` tell the two states apart.

    ``authoritative``: the page shows the state as the site has stored it, so that ``undone`` proves it did not happen.
    """

    open: str
    press: Locate
    done: Sign
    undone: Sign
    authoritative: bool = False


@dataclass(frozen=True, slots=True)
class WrittenAct:
    """An act that leaves a text behind. ``shows`` is the list it then stands in, after pressing and on the page ``proof``
    (without one, on the page ``open``). ``sent`` is what the site says where it does not show the text itself.

    ``fill`` says into which fields text, link and subject go; a link without a field is put under the text.
    ``authoritative``: whatever was written stands in that list at once, so that a list without it, read back to before
    the act, proves it did not happen.
    """

    open: str
    fill: Mapping[str, Locate]
    press: Locate
    shows: Listing
    sent: Sign | None = None
    proof: str = ""
    pages: int = 5
    authoritative: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """The site's login. ``viewer`` is taken from every page and says who is signed in; nothing there: nobody is."""

    open: str
    viewer: Take
    fill: Mapping[str, Locate] = field(default_factory=dict)
    press: Locate | None = None
    wrong: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """One site. ``hosts`` are the servers it describes, ``also`` what their pages load from besides.

    ``seconds`` is the longest an act may take, ``lag`` how long until what was written shows on every page, ``clock``
    how exact the times on its pages are; all in seconds.
    """

    name: str
    title: str
    login: SignIn
    hosts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    seconds: float = 40.0
    lag: float = 5.0
    clock: float = 60.0
    missing: tuple[Sign, ...] = ()
    refused: tuple[Sign, ...] = ()
    slow_down: tuple[Sign, ...] = ()
    reads: Mapping[str, Reading] = field(default_factory=dict)
    states: Mapping[str, StateAct] = field(default_factory=dict)
    writes: Mapping[str, WrittenAct] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def capabilities(self) -> frozenset[str]:
        """The kinds of acts it describes."""
        found = {READS[name] for name in self.reads} | set(self.states) | set(self.writes)
        return frozenset(found | {"verify"})


def address(template: str, values: Mapping[str, str]) -> str:
    """The path of a page with its variables filled in; :class:`NotFound` for a value that can be no part of one."""

    def value(match: re.Match[str]) -> str:
        given = values.get(match[1], "")
        if given in ("", ".", ".."):
            raise NotFound(f"Without a {match[1].replace('_', ' ')} there is no page to open.")
        return quote(given, safe="", errors="replace")

    return VARIABLE.sub(value, template)


def wording(template: str, values: Mapping[str, str]) -> str:
    """A name or text with its variables filled in."""
    return VARIABLE.sub(lambda match: values.get(match[1], match[0]), template)
