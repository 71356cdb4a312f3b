"""Whether a text that may have been written stands on the site, judged by what its pages show.

An item is ours when its text is the act's and it is not older than the act. One that may be as old proves nothing, nor
does one that reads much like it: sites shorten what they are given, however much, and dress it up. Absence needs a site
file that says the list is authoritative, and a list that was read back to before the act.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Any

from automation.channels.base import Done, Finding, Proof
from automation.channels.web.site import WrittenAct
from automation.channels.web.values import link, moment, squash

SIMILAR = 0.5  # of the shorter text's letters stand in the other, too; below it an item is another one
RUN = 4  # letters in a row at least: single ones are in every text
LOOKED_AT = 500  # letters of each: what is shortened keeps its beginning
DOUBTFUL = timedelta(minutes=15)  # before the act: too early for it, too near to rule it out
NO_PROOF = Finding(Proof.NONE)


def since(started_at: datetime, clock: float) -> datetime:
    """How far back the list must be read: before anything that could be mistaken for the act."""
    return started_at - DOUBTFUL - timedelta(seconds=clock)


def judge(
    act: WrittenAct,
    items: Sequence[Mapping[str, Any]],
    *,
    texts: Collection[str],
    started_at: datetime,
    clock: float,
    complete: bool,
    page: str,
) -> Finding:
    """The finding for an act that shows as one of ``texts`` (squashed); ``clock`` is how wrong the site's times may be,
    in seconds.
    """
    earliest = started_at - timedelta(seconds=clock)
    doubtful = False
    mine: list[tuple[datetime, Mapping[str, Any]]] = []
    for item in items:
        at = moment(str(item["at"]), act.shows.take["at"])
        if at is not None and at < since(started_at, clock):
            continue
        same = squash(str(item["text"])) in texts
        if same and at is not None and at >= earliest:
            mine.append((at, item))
        elif same or _reads_like(str(item["text"]), texts):
            doubtful = True
    if mine:
        _, first = min(mine, key=lambda one: one[0])
        return Finding(Proof.PRESENT, done(first, page))
    return Finding(Proof.ABSENT) if act.authoritative and complete and not doubtful else NO_PROOF


def _reads_like(text: str, texts: Collection[str]) -> bool:
    """Whether an item may be one of the texts in another dress; one without any text may be anything."""
    shown = squash(text).casefold()[:LOOKED_AT]
    return not shown or any(_share(shown, wanted.casefold()[:LOOKED_AT]) >= SIMILAR for wanted in texts)


def _share(one: str, other: str) -> float:
    """How much of the shorter text stands in the longer one, in runs of several letters and in their order."""
    runs = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return sum(run.size for run in runs if run.size >= RUN) / max(1, min(len(one), len(other)))


def done(item: Mapping[str, Any], page: str) -> Done:
    """What finds an item again."""
    return Done(remote_id=str(item.get("id", ""))[:255], url=link(page, str(item.get("url", ""))))
