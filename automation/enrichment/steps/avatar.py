"""Their picture, fetched within bounds and made small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

from automation.discovery.websites import Disallowed, Unreachable, WebsiteError
from automation.discovery.websites.fetching import fetch
from automation.enrichment.base import Result, Step, Subject, failed, found, has_page, later, skipped
from outreach.lib import net

PORTRAITS = "automation.enrichment.portraits"  # loads an image library; by the first picture
MOST_BYTES = 5_000_000
SECONDS = 20.0


def run(subjects: Sequence[Subject]) -> list[Result]:
    """The picture, 400 x 400."""
    return [_result(subject) for subject in subjects]


def _result(subject: Subject) -> Result:
    try:
        with net.deadline(SECONDS):
            answer = fetch(subject.avatar_url, most=MOST_BYTES)
    except Unreachable as error:
        return later(str(error), retry_after=error.retry_after)
    except WebsiteError as error:
        return failed(str(error)) if isinstance(error, Disallowed) else skipped(str(error))
    if answer.status >= 400:
        return skipped(f"There is no picture: the server answered {answer.status}.")
    if answer.is_cut:
        return failed(f"The picture has more than {MOST_BYTES:,} bytes.")
    portraits: Any = import_module(PORTRAITS)
    try:
        picture = portraits.cropped(answer.content)
    except portraits.BadPicture as error:
        return failed(str(error))
    return replace(found(bytes=len(picture.content)), picture=picture)


STEP = Step("avatar", "Picture", version=1, reads=("avatar_url",), run=run, network=True, applies=has_page)
