"""Did an unclear act take place? Asked of our own server, which is where it would have been written.

Follows and likes are states of our account: the server's word is final, either way. It does not matter whether it was
this act that made them so, since doing it again changes nothing.

Posts, replies and messages are found by reading back our own statuses. The home server's list of an account's statuses
is read from the table the post would have been written to, and to its owner it shows every visibility, so a list read
back to before the act began that holds no such status proves absence. Two exceptions give no proof:

- direct statuses: some servers of the family leave them out of the list even for the owner. Absence counts only when
  the list showed at least one direct status of ours.
- a status with the same text shortly before the act began: it is most likely another act's, but clocks may disagree.

A status is recognised by what servers do not change: thread, recipient, visibility, and the letters of its text. One
whose letters differ is compared by its source before it is called another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher

from automation.channels.base import Act, Done, Finding, NotFound, Proof, Refused
from automation.channels.mastodon import wording
from automation.channels.mastodon.client import Client, entities, entity
from automation.channels.mastodon.convert import Json, fingerprint, id_of, text_of, when

PAGE = 40
MAX_PAGES = 12
SIMILAR = 0.6  # of two texts' letters; below it a status is another one
CLOCKS_AGREE = 0.5  # seconds a status may seem to come before the act that made it
ONE_SECOND = timedelta(seconds=1)
BEYOND = datetime.max.replace(tzinfo=UTC)  # a time the server does not tell rules nothing out
DOUBTFUL = timedelta(minutes=15)  # before the start: too early for this act, too near to rule it out
NO_PROOF = Finding(Proof.NONE)
ABSENT = Finding(Proof.ABSENT)


def composed(act: Act) -> str:
    """What an act posts."""
    return wording.composed(act.text, act.link)


def addressed(act: Act, acct: str) -> str:
    """The text with its recipient in front."""
    text = composed(act)
    return text if text.casefold().startswith(f"@{acct} ".casefold()) else f"@{acct} {text}"


def follows(relationship: object) -> bool | None:
    """Whether we follow or asked to; ``None`` when the answer does not tell."""
    if not isinstance(relationship, dict) or not isinstance(relationship.get("following"), bool):
        return None
    return bool(relationship["following"] or relationship.get("requested"))


def reaches(status: Json, account_id: str) -> bool:
    """Whether the account is among those a status mentions."""
    return any(id_of(mention) == account_id for mention in status.get("mentions") or [])


def find(client: Client, act: Act) -> Finding:
    """The proof for one act; every kind this channel can do."""
    match act.kind:
        case "follow" | "unfollow":
            return _relation(client, act)
        case "like":
            return _liked(client, act)
        case "post" | "reply" | "dm":
            return _written(client, act)
    return NO_PROOF


def _relation(client: Client, act: Act) -> Finding:
    try:
        target = client.find(act.handle, act.remote_id)
    except NotFound:
        return ABSENT  # nothing to follow is left; trying again says so
    answer = entities(client.read(client.api.account_relationships, [id_of(target)]))
    state = next((follows(item) for item in answer if id_of(item) == id_of(target)), None)
    if state is None:
        return NO_PROOF
    return _present(target) if state == (act.kind == "follow") else ABSENT


def _liked(client: Client, act: Act) -> Finding:
    try:
        status = entity(client.read(client.api.status, act.post_id))
    except NotFound:
        return ABSENT
    if not isinstance(status.get("favourited"), bool):
        return NO_PROOF
    return _present(status) if status["favourited"] else ABSENT


@dataclass(frozen=True, slots=True)
class Wanted:
    """The status an act would have made. ``since`` and ``doubtful`` are on the server's clock."""

    text: str
    since: datetime
    doubtful: datetime
    direct: bool
    parent: str
    recipient: str

    def fits(self, status: Json) -> bool:
        """Everything but the text and the time."""
        parent = status.get("in_reply_to_id")
        return (
            not status.get("reblog")
            and (status.get("visibility") == "direct" or not self.direct)
            and (self.direct or ("" if parent is None else str(parent)) == self.parent)
            and (not self.recipient or reaches(status, self.recipient))
        )


def _written(client: Client, act: Act) -> Finding:
    if act.started_at is None:
        return NO_PROOF
    # Asked anew, not taken from the login: another account's list would prove an absence that is none.
    me = entity(client.read(client.api.account_verify_credentials))
    try:
        recipient = id_of(client.find(act.handle, act.remote_id)) if act.kind == "dm" else ""
    except NotFound:
        return NO_PROOF
    wanted = _wanted(client, act, act.started_at, recipient)
    statuses, complete = _read_back(client, id_of(me), wanted)
    near = [status for status in statuses if wanted.fits(status) and _latest(status) >= wanted.doubtful]
    same = [status for status in near if _print(status) == wanted.text]
    mine = [status for status in same if _latest(status) >= wanted.since]
    if mine:
        return _present(min(mine, key=_latest))
    unclear = same or any(_may_be(client, status, wanted.text) for status in near)
    return NO_PROOF if unclear or not complete or not _shows(statuses, wanted) else ABSENT


def _print(status: Json) -> str:
    return fingerprint(text_of(status.get("content")))


def _may_be(client: Client, status: Json, text: str) -> bool:
    """Whether a status that reads otherwise may still be ours, changed by the server; its source tells."""
    if SequenceMatcher(None, _print(status), text).quick_ratio() < SIMILAR:
        return False
    return _source(client, status) in (text, None)


def _shows(statuses: list[Json], wanted: Wanted) -> bool:
    """Whether the list is one that would show the wanted status."""
    return not wanted.direct or any(status.get("visibility") == "direct" for status in statuses)


def _wanted(client: Client, act: Act, started_at: datetime, recipient: str) -> Wanted:
    skew, doubt = client.wire.skew, client.wire.doubt
    # Within what a whole-second header can tell, clocks are taken to agree: most servers keep good time.
    told = 0.0 if skew is None or abs(skew) <= doubt + ONE_SECOND.total_seconds() else skew
    since = started_at + timedelta(seconds=told)
    slack = timedelta(seconds=CLOCKS_AGREE if told == 0 else CLOCKS_AGREE + doubt)
    return Wanted(
        text=fingerprint(composed(act)),
        since=since - slack,
        doubtful=since - DOUBTFUL,
        direct=act.kind == "dm",
        parent=act.post_id if act.kind == "reply" else "",
        recipient=recipient,
    )


def _read_back(client: Client, own_id: str, wanted: Wanted) -> tuple[list[Json], bool]:
    """Our statuses, newest first, and whether they reach back to ``wanted.doubtful``.

    For a direct one the reading goes on until it met any direct status.
    """
    found: list[Json] = []
    before: str | None = None
    for _ in range(MAX_PAGES):
        page = entities(client.read(client.api.account_statuses, own_id, max_id=before, limit=PAGE))
        if not page or id_of(page[-1]) == before:
            return found, True
        found += page
        if _shows(found, wanted) and _latest(page[-1]) < wanted.doubtful:
            return found, True
        before = id_of(page[-1])
    return found, False


def _source(client: Client, status: Json) -> str | None:
    """The fingerprint of a status as it was written; ``None`` where the server does not tell."""
    try:
        source = client.read(client.api.status_source, id_of(status))
    except (NotFound, Refused):
        return None
    text = source.get("text") if isinstance(source, dict) else None
    return fingerprint(text) if isinstance(text, str) else None


def _latest(status: Json) -> datetime:
    """When a status was made, at the latest: some servers cut their times to the second."""
    made = when(status.get("created_at"))
    if made is None:
        return BEYOND
    return made if made.microsecond else made + ONE_SECOND


def _present(entity_: Json) -> Finding:
    return Finding(Proof.PRESENT, Done(id_of(entity_), entity_.get("url") or entity_.get("uri") or ""))
