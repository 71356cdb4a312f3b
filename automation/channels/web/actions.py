"""What the browser's child process is asked to do at a site. Each takes and returns plain JSON values.

``arguments`` hold the site file's content (``site``), the ``server``, the account's handle among the ``values`` of
addresses, and ``seconds`` for the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from playwright.sync_api import BrowserContext, Error, Locator

from automation.channels.base import AuthFailed, NotFound, Refused, TryLater
from automation.channels.web import parsing
from automation.channels.web.pressing import press
from automation.channels.web.site import Listing, StateAct, WrittenAct
from automation.channels.web.values import moment, squash
from automation.channels.web.visit import PATIENCE, Visit

Json = dict[str, Any]
SPARE = 2.0  # seconds of an act's time that are left for saving what was seen


def _begin(context: BrowserContext, arguments: Mapping[str, Any]) -> tuple[Visit, float]:
    ends = time.monotonic() + float(arguments["seconds"]) - SPARE
    site = parsing.parse(arguments["site"], str(arguments["site"].get("name", "site")))
    return Visit(context, site, arguments["server"], arguments["values"]), ends


# --- Signing in ----------------------------------------------------------------------------------------------------
def sign_in(context: BrowserContext, arguments: Mapping[str, Any]) -> Json:
    """Sign in with ``arguments["secret"]``; the context's state is the session afterwards. Presses one button, once."""
    visit, ends = _begin(context, arguments)
    login, secret = visit.site.login, {"handle": visit.values["me"], **arguments["secret"]}
    visit.page.goto(f"{visit.server}{login.open}", wait_until="domcontentloaded")
    for name, field in login.fill.items():
        if not secret.get(name):
            raise AuthFailed(f"There is no {name} to sign in with at {visit.site.title}.")
        _fill_secret(visit, name, field, str(secret[name]))
    if login.press is None:
        raise AuthFailed(f"{visit.site.title} is signed in to by hand: manage.py login")
    visit.find(login.press).first.click(no_wait_after=True)
    while not visit.until(lambda: bool(_viewer(visit)), seconds=0.2):
        if _says_wrong(visit):
            raise AuthFailed(visit.words(login.wrong) or f"{visit.site.title} refused the login.")
        if time.monotonic() > ends:
            raise AuthFailed(
                f"{visit.site.title} did not sign @{secret['handle']} in. Sign in by hand: manage.py login"
            )
    visit.check_viewer()
    return {"handle": visit.viewer()}


def _fill_secret(visit: Visit, name: str, field: Any, value: str) -> None:
    """Playwright's own errors quote what was typed, so they go no further."""
    try:
        visit.field(field).fill(value)
    except Error:
        raise TryLater(f"{visit.site.title} shows no field for the {name} of a login.") from None


def _viewer(visit: Visit) -> str:
    try:
        return visit.viewer()
    except Error:
        return ""  # between two pages


def _says_wrong(visit: Visit) -> bool:
    try:
        return visit.sees_any(visit.site.login.wrong)
    except Error:
        return False


# --- Reading -------------------------------------------------------------------------------------------------------
def read(context: BrowserContext, arguments: Mapping[str, Any]) -> Json:
    """One part of [read]: ``{"viewer", "values", "items", "next", "url"}``. ``at`` is where a list goes on."""
    visit, _ = _begin(context, arguments)
    part = visit.site.reads[arguments["part"]]
    if at := arguments.get("at"):
        visit.go(at)
        visit.check_viewer()
    else:
        visit.open(part.open)
    values = visit.take_all(visit.page, part.take)
    items: list[Json] = []
    following = ""
    if part.list is not None:
        stop = arguments.get("stop", "")
        items, following = _pages(
            visit, part.list, part.pages, lambda found: any(one.get("id") == stop for one in found)
        )
    return {
        "viewer": visit.viewer(),
        "values": values,
        "items": items,
        "next": following,
        "url": visit.page.url,
    }


def _pages(
    visit: Visit, listing: Listing, pages: int, enough: Callable[[list[Json]], bool]
) -> tuple[list[Json], str]:
    """The items of up to ``pages`` pages, and where the list then goes on. It ends early with the page whose items are
    ``enough``.
    """
    items: list[Json] = []
    following = ""
    for number in range(pages):
        if number:
            visit.go(following)
        found = visit.items(listing)
        items += found
        following = visit.next_address(listing)
        if not following or enough(found):
            break
    return items, following


def figures(context: BrowserContext, arguments: Mapping[str, Any]) -> Json:
    """The values of [read.metrics] for each of ``ids``, as far as the time allows; ``None`` for a post that is gone."""
    visit, ends = _begin(context, arguments)
    part = visit.site.reads["metrics"]
    found: dict[str, Json | None] = {}
    for one in arguments["ids"]:
        visit.values = {**visit.values, "post_id": one}
        try:
            visit.open(part.open)
            found[one] = visit.take_all(visit.page, part.take)
        except NotFound:
            found[one] = None
        if time.monotonic() > ends - PATIENCE:
            break
    return {"figures": found}


def whoami(context: BrowserContext, arguments: Mapping[str, Any]) -> Json:
    """Who is signed in, by the site's front page."""
    visit, _ = _begin(context, arguments)
    visit.open("/")
    return {"viewer": visit.viewer()}


# --- Acting --------------------------------------------------------------------------------------------------------
def put(context: BrowserContext, arguments: Mapping[str, Any]) -> Json:
    """Follow, unfollow or like. A page that already shows the state is left alone."""
    visit, ends = _begin(context, arguments)
    act: StateAct = visit.site.states[arguments["kind"]]
    visit.open(act.open)
    if not visit.until(lambda: visit.sees(act.done) or visit.sees(act.undone)):
        raise TryLater(
            f"{visit.site.title} shows neither state of {arguments['kind']}: does its site file fit?"
        )
    if not visit.sees(act.done):
        press(visit, visit.find(act.press).first, lambda: visit.sees(act.done) or None, ends=ends)
    return {"url": visit.page.url}


def state(context: BrowserContext, arguments: Mapping[str, Any]) -> Json:
    """Whether follow, unfollow or like took place: ``done`` true, false, or none when the page does not tell."""
    visit, _ = _begin(context, arguments)
    act: StateAct = visit.site.states[arguments["kind"]]
    visit.open(act.open)
    visit.until(lambda: visit.sees(act.done) or visit.sees(act.undone))
    done, undone = visit.sees(act.done), visit.sees(act.undone)
    return {"done": None if done == undone else done, "url": visit.page.url}


def write(context: BrowserContext, arguments: Mapping[str, Any]) -> Json:
    """Post, reply or message: the item that then stands in the list; without ``id`` where the site only says "sent"."""
    visit, ends = _begin(context, arguments)
    act: WrittenAct = visit.site.writes[arguments["kind"]]
    wanted = arguments["shown"]
    visit.open(act.open)
    before = _matching(visit, act, wanted)
    for name, text in arguments["fields"].items():
        _fill(visit, name, visit.field(act.fill[name]), text)

    def look() -> Json | None:
        fresh = [item for key, item in _matching(visit, act, wanted).items() if key not in before]
        if fresh:
            return fresh[0]
        return {} if act.sent is not None and visit.sees(act.sent) else None

    if act.sent is not None and visit.sees(act.sent):
        raise TryLater(f'{visit.site.title} says "sent" before anything was: does its site file fit?')
    found = press(visit, visit.find(act.press).first, look, ends=ends)
    return {**found, "page": visit.page.url}


def _fill(visit: Visit, name: str, field: Locator, text: str) -> None:
    """Type a text, and be sure that the field took all of it."""
    field.fill(text)
    taken = field.evaluate("node => 'value' in node ? node.value : node.innerText")
    if squash(taken) != squash(text):
        raise Refused(
            f"{visit.site.title} takes only {len(taken)} of the {len(text)} characters of the {name}."
        )


def _matching(visit: Visit, act: WrittenAct, wanted: Collection[str]) -> dict[str, Json]:
    """Our items with one of the wanted texts on this page, by id."""
    found = visit.items_with(act.shows, wanted)
    return {item["id"]: item for item in found if item["id"] and _is_ours(visit, item)}


def _is_ours(visit: Visit, item: Json) -> bool:
    """Whether an item is the account's own; lists without an author hold nothing else."""
    me = visit.values["me"].casefold()
    return str(item.get("author", me)).lstrip("@").casefold() == me


def written(context: BrowserContext, arguments: Mapping[str, Any]) -> Json:
    """Our items in the list where an act's text would stand: ``{"items", "complete"}``. It is read back to ``since``
    (ISO 8601), then it is complete; items of others count for that, too.
    """
    visit, _ = _begin(context, arguments)
    act: WrittenAct = visit.site.writes[arguments["kind"]]
    visit.open(act.proof or act.open)
    since = datetime.fromisoformat(arguments["since"])

    def enough(found: list[Json]) -> bool:
        times = [moment(item["at"], act.shows.take["at"]) for item in found]
        return any(at is not None and at < since for at in times)

    items, following = _pages(visit, act.shows, act.pages, enough)
    ours = [item for item in items if _is_ours(visit, item)]
    return {"items": ours, "complete": not following or enough(items), "url": visit.page.url}
