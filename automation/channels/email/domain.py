"""Whether others can tell that mail from a domain is real: its SPF, DKIM, DMARC and MX records, and what to do about them.

Asked through a resolver that is given, so nothing here decides where to ask. Sources: RFC 7208, 6376, 7489.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MOST_LOOKUPS = 10  # RFC 7208, section 4.6.4
# Names under which large senders publish their keys; a domain's own goes first where the account names one.
SELECTORS = (
    "default", "google", "selector1", "selector2", "s1", "s2", "k1", "k2", "k3", "dkim", "mail", "smtp", "mx", "pm",
    "mailgun", "brevo", "resend", "fm1", "fm2", "protonmail", "zoho", "mandrill",
)  # fmt: skip
_LOOKUP = re.compile(r"^[+?~-]?(include:|a\b|mx\b|ptr\b|exists:)|^redirect=", re.IGNORECASE)


class Grade(StrEnum):
    """How a record stands; ``unknown`` means that nobody answered."""

    GOOD = "good"
    WEAK = "weak"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Record:
    """One kind of record: what was found, and what to do, as a sentence; nothing to do is empty."""

    name: str
    grade: Grade
    found: str = ""
    advice: str = ""


Ask = Callable[
    [str, str], list[str]
]  # name and type to texts; empty when there is none, OSError when nobody answers


def examine(domain: str, ask: Ask, *, selector: str = "") -> list[Record]:
    """SPF, DKIM, DMARC and MX of a domain, in this order. ``selector`` is where the domain's DKIM key stands, if known."""
    return [
        _guarded("SPF", lambda: _spf(domain, ask)),
        _guarded("DKIM", lambda: _dkim(domain, ask, selector)),
        _guarded("DMARC", lambda: _dmarc(domain, ask)),
        _guarded("MX", lambda: _mx(domain, ask)),
    ]


def _guarded(name: str, look: Callable[[], Record]) -> Record:
    try:
        return look()
    except (OSError, ValueError) as error:
        detail = str(error)[:120]
        return Record(name, Grade.UNKNOWN, detail, "The name servers did not answer. Check again later.")


def _spf(domain: str, ask: Ask) -> Record:
    found = [text for text in ask(domain, "TXT") if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        advice = f'Add a TXT record at {domain} that names your mail server, e.g. "v=spf1 include:_spf.example.org -all".'
        return Record("SPF", Grade.MISSING, "", advice)
    text, terms = found[0], found[0].lower().split()
    if len(found) > 1:
        return Record(
            "SPF",
            Grade.WRONG,
            " | ".join(found)[:300],
            "Join the records into one: with several, none counts.",
        )
    lookups = sum(bool(_LOOKUP.match(term)) for term in terms)
    if lookups > MOST_LOOKUPS:
        return Record(
            "SPF",
            Grade.WRONG,
            text[:300],
            f"It needs {lookups} lookups; more than {MOST_LOOKUPS} make it void.",
        )
    if "+all" in terms or "all" in terms:
        return Record(
            "SPF", Grade.WRONG, text[:300], 'It lets anybody send as you: end it with "-all" or "~all".'
        )
    if not {"-all", "~all"} & set(terms) and "redirect=" not in text.lower():
        return Record("SPF", Grade.WEAK, text[:300], 'End it with "-all" or "~all", or it forbids nothing.')
    return Record("SPF", Grade.GOOD, text[:300])


def _dkim(domain: str, ask: Ask, selector: str) -> Record:
    for name in dict.fromkeys([*([selector] if selector else []), *SELECTORS]):
        for text in ask(f"{name}._domainkey.{domain}", "TXT"):
            tags = _tags(text)
            if "p" not in tags:
                continue
            if not tags["p"]:
                advice = "This key was taken back: have your mail server sign with one that is published."
                return Record("DKIM", Grade.WRONG, f"{name}: revoked", advice)
            return Record("DKIM", Grade.GOOD, f"{name}: key of type {tags.get('k', 'rsa')}")
    advice = (
        "No key was found under the usual names. Turn DKIM signing on at your mail server and publish the key it gives "
        "you; if it is published under another name, all is well."
    )
    return Record("DKIM", Grade.MISSING, "", advice)


def _dmarc(domain: str, ask: Ask) -> Record:
    """The domain's own record, or that of the domain above it."""
    labels = domain.split(".")
    for name in [domain, *([".".join(labels[-2:])] if len(labels) > 2 else [])]:
        found = [text for text in ask(f"_dmarc.{name}", "TXT") if text.lower().startswith("v=dmarc1")]
        if len(found) > 1:
            return Record(
                "DMARC", Grade.WRONG, " | ".join(found)[:300], "Keep one record: with several, none counts."
            )
        if found:
            return _dmarc_policy(found[0])
    advice = (
        f'Add a TXT record at _dmarc.{domain}, e.g. "v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}".'
    )
    return Record("DMARC", Grade.MISSING, "", advice)


def _dmarc_policy(text: str) -> Record:
    policy = _tags(text).get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        return Record(
            "DMARC", Grade.WRONG, text[:300], "Its policy must be p=none, p=quarantine or p=reject."
        )
    if policy == "none":
        advice = (
            "It only watches. Once your reports show that all real mail passes, set p=quarantine or p=reject."
        )
        return Record("DMARC", Grade.WEAK, text[:300], advice)
    return Record("DMARC", Grade.GOOD, text[:300])


def _mx(domain: str, ask: Ask) -> Record:
    found = ask(domain, "MX")
    if not found:
        advice = f"Nobody can answer to {domain}: add an MX record that names the server of your mailboxes."
        return Record("MX", Grade.MISSING, "", advice)
    if any(text.split()[-1] == "." for text in found):
        return Record(
            "MX", Grade.WRONG, "takes no mail", f"{domain} says that it takes no mail: answers are lost."
        )
    return Record("MX", Grade.GOOD, ", ".join(sorted(found))[:300])


def _tags(text: str) -> dict[str, str]:
    """``k=v; k=v`` as a mapping, keys in lower case."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {key.strip().lower(): value.strip() for key, sign, value in pairs if sign}
