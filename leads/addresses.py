"""One spelling for each address, so that one address is one row and a no holds in every spelling.

Everything that stores, looks up or suppresses an address goes through :func:`normalise` first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

import idna

from outreach.lib.crypto import keyed_hash

EMAIL = "email"
MAX_LENGTH = 255  # the width of Profile.handle
MAX_EMAIL_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
MAX_LOCAL_LENGTH = 64  # RFC 5321, section 4.5.3.1.1

_NAMED = re.compile(r"[^<>]*<([^<>]*)>")
_LOCAL = re.compile(r"""[^\s@"(),:;<>\[\]\\.]+(?:\.[^\s@"(),:;<>\[\]\\.]+)*""")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def normalise(network: str, handle: str) -> str:
    """The one spelling of ``handle`` on ``network`` that we store; idempotent.

    E-mail: ``Ann <Ann@BÜCHER.example>`` becomes ``ann@xn--bcher-kva.example``. Elsewhere the leading @ goes
    and case is folded. Raises :class:`ValueError` with a sentence for people when it cannot be an address.
    """
    text = _visible(handle)
    return _email(text, handle) if network == EMAIL else _handle(text, handle)


def address_hash(network: str, handle: str) -> str:
    """What remains of an address after erasure: a keyed hash (64 hex characters) of its normalised form."""
    return keyed_hash(f"{network}\n{normalise(network, handle)}")


def hash_of_normalised(network: str, handle: str) -> str:
    """:func:`address_hash` of a handle that :func:`normalise` gave, without normalising it again."""
    return keyed_hash(f"{network}\n{handle}")


def _visible(text: str) -> str:
    """NFKC without invisible format characters (zero-width spaces, byte order marks) and outer whitespace."""
    if text.isascii() and text.isprintable():
        return text.strip()  # nothing in it could change
    seen = "".join(char for char in unicodedata.normalize("NFKC", text) if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", seen).strip()


def _email(text: str, original: str) -> str:
    named = _NAMED.fullmatch(text)
    address = (named.group(1) if named else text).strip().removeprefix("mailto:")
    local, _, domain = address.rpartition("@")
    local = _lower(local)
    if not _LOCAL.fullmatch(local) or not _storable(local) or len(local) > MAX_LOCAL_LENGTH:
        raise ValueError(
            f"{_quoted(original)} is not an e-mail address; it should look like ann@example.org."
        )
    address = f"{local}@{_domain(domain, original)}"
    if len(address) > MAX_EMAIL_LENGTH:
        raise ValueError(
            f"{_quoted(original)} is too long: an e-mail address has at most {MAX_EMAIL_LENGTH} characters."
        )
    return address


def _handle(text: str, original: str) -> str:
    name = _folded(text.lstrip("@").strip())
    if not name:
        raise ValueError(f"{_quoted(original)} is empty; give a handle such as ann or @ann.")
    if "://" in name:
        raise ValueError(
            f"{_quoted(original)} is the address of a page; give the handle alone, such as @ann."
        )
    if any(char.isspace() for char in name) or not _storable(name):
        raise ValueError(f"{_quoted(original)} is not a handle: it contains spaces or control characters.")
    user, at, server = name.partition("@")
    if at:
        name = f"{user}@{_domain(server, original)}"
    if len(name) > MAX_LENGTH:
        raise ValueError(f"{_quoted(original)} is too long: a handle has at most {MAX_LENGTH} characters.")
    return name


def _domain(domain: str, original: str) -> str:
    """The domain in ASCII (punycode), lower-case, without a final dot."""
    ascii_form = _ascii_domain(domain)
    if not ascii_form:
        raise ValueError(f"{_quoted(original)} does not name a domain after the @, such as example.org.")
    return ascii_form


@lru_cache(maxsize=10_000)  # imports name the same few domains again and again
def _ascii_domain(domain: str) -> str:
    """Empty for what is no domain."""
    try:
        ascii_form = idna.encode(domain, uts46=True).decode() if not domain.isascii() else domain.lower()
        labels = ascii_form.removesuffix(".").split(".")
        for label in labels:
            if label.startswith("xn--"):
                idna.ulabel(label)
    except idna.IDNAError:
        labels = []
    plausible = len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    return ".".join(labels) if plausible else ""


def _lower(text: str) -> str:
    """Lower case that stays the same when lowered again; lowering can undo NFKC, hence both, twice."""
    return _settle(text, str.lower)


def _folded(text: str) -> str:
    return _settle(text, str.casefold)


def _settle(text: str, change: Callable[[str], str]) -> str:
    if text.isascii():
        return change(text)
    for _ in range(4):
        settled = unicodedata.normalize("NFKC", change(text))
        if settled == text:
            break
        text = settled
    return text


def _storable(text: str) -> bool:
    """Without control characters (NUL among them) and halves of surrogate pairs, which PostgreSQL cannot
    hold.
    """
    if text.isascii():
        return text.isprintable()
    return all(unicodedata.category(char) not in ("Cc", "Cs") for char in text)


def _quoted(text: str) -> str:
    shown = "".join(char if char.isprintable() else "?" for char in text[:80])
    return f'"{shown}"'
