"""Which column means what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from leads.addresses import EMAIL
from leads.importing.errors import ImportFileError
from outreach.lib import networks

TAGS = "tags"
IGNORED = ""
# Spellings are compared without case, spaces, dashes and underscores.
ALIASES = {
    EMAIL: ("emailaddress", "mail", "mailaddress"),
    "first_name": ("givenname", "forename"),
    "last_name": ("surname", "familyname"),
    "display_name": ("name", "fullname"),
    "company": ("companyname", "organisation", "organization", "employer"),
    "title": ("jobtitle", "position"),
    "website": ("url", "homepage", "web"),
    "country": ("countrycode",),
    "language": ("languagecode",),
    TAGS: ("tag", "labels"),
}
PERSON_FIELDS = tuple(field for field in ALIASES if field not in (EMAIL, TAGS))


def known_fields() -> list[str]:
    """Every field a column can be mapped to: a person's, tags, and a handle on each network we know."""
    return [*ALIASES, *(name for name in networks.names() if name not in ALIASES)]


def is_address(field: str) -> bool:
    """Whether a column of this field holds addresses: e-mail, or handles on a network."""
    return field not in (*PERSON_FIELDS, TAGS, IGNORED)


def choose(header: Sequence[str], wanted: Mapping[str, str] | None = None) -> dict[str, str]:
    """The field each column of ``header`` fills, empty for ignored ones; ``wanted`` overrides what we guess.

    Raises :class:`ImportFileError` when no column holds an address, or ``wanted`` names what is not there.
    """
    wanted = wanted or {}
    if strangers := set(wanted) - set(header):
        raise ImportFileError(f"The file has no column {_listed(strangers)}. It has {_listed(header)}.")
    if strangers := set(wanted.values()) - {*known_fields(), IGNORED}:
        raise ImportFileError(f"There is no field {_listed(strangers)}. Known: {', '.join(known_fields())}.")
    spellings = _spellings()
    fields = {name: wanted.get(name, spellings.get(_bare(name), IGNORED)) for name in header}
    if not any(is_address(field) for field in fields.values()):
        raise ImportFileError(
            f"No column holds an e-mail address or a handle. The first row is {_listed(header[:20])}; "
            f"it must name the columns. Known: {', '.join(known_fields())}."
        )
    return fields


def _spellings() -> dict[str, str]:
    spellings = {_bare(spelling): field for field, others in ALIASES.items() for spelling in (field, *others)}
    for name in networks.names():
        for spelling in (name, f"{name}handle", f"{name}username"):
            spellings.setdefault(_bare(spelling), name)
    return spellings


def _bare(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def _listed(names: Sequence[str] | set[str]) -> str:
    return ", ".join(f'"{name[:40]}"' for name in names)
