"""E-mail addresses on somebody's own website, read as politely as any of our readers reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from automation.discovery import websites
from automation.discovery.websites import Unreachable, WebsiteError
from automation.enrichment import mail
from automation.enrichment.base import Result, Step, Subject, found, has_page, later, skipped

LINK = re.compile(r"https?://[^\s<>\"')\]]{4,480}")


def run(subjects: Sequence[Subject]) -> list[Result]:
    """``url`` that was read in the end, its ``title``, the ``language`` it says it is in, and ``emails``."""
    return [_result(subject) for subject in subjects]


def _result(subject: Subject) -> Result:
    try:
        page = websites.read(link_of(subject), browser=False)
    except Unreachable as error:
        return later(str(error), retry_after=error.retry_after)
    except WebsiteError as error:
        return skipped(str(error))
    host = urlsplit(page.url).hostname or ""
    emails = mail.of_site(page.emails, host)
    facts = found(url=page.url[:500], title=page.title, language=page.language, emails=list(emails))
    return replace(facts, emails=emails, via=f"website {host}")


def link_of(subject: Subject) -> str:
    """Their website: the one the profile names, else the first link of the bio that leads off the network."""
    own = urlsplit(subject.url).hostname if subject.url else None
    for link in filter(None, (subject.website, *LINK.findall(subject.bio))):
        try:
            host = urlsplit(link).hostname
        except ValueError:
            continue
        if host and host != own:
            return link.rstrip(".,;:!?")
    return ""


STEP = Step(
    "website", "Website", version=1, reads=("website", "bio"), run=run, network=True, applies=has_page,
    idle=lambda subject: "" if link_of(subject) else "Their profile links to no website.",
)  # fmt: skip
