"""Whether an e-mail address's domain takes mail: its MX records, as RFC 5321 (section 5.1) and 7505 read them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Lock

from automation.enrichment.base import Mail, Result, Step, Subject, later
from leads.addresses import EMAIL

NAMESERVERS = "automation.channels.email.nameservers"  # loaded by the first question
KEPT_SECONDS = 3_600.0
MOST_KEPT = 10_000
AT_ONCE = 8

Ask = Callable[[str, str], list[str]]
_known: dict[str, tuple[float, Mail]] = {}
_writing = Lock()


def run(subjects: Sequence[Subject]) -> list[Result]:
    """A judgement by the domain; each domain is asked for once, however many addresses it has."""
    ask = resolver()
    domains = sorted({_domain(subject) for subject in subjects})
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        told = dict(zip(domains, pool.map(lambda domain: look_up(domain, ask), domains), strict=True))
    return [_result(told[_domain(subject)]) for subject in subjects]


def resolver() -> Ask:
    """Answers a name and a type with texts; raises :class:`OSError` when nobody answers."""
    ask: Ask = import_module(NAMESERVERS).resolver_of()
    return ask


def look_up(domain: str, ask: Ask) -> Mail | None:
    """What the domain's records say, kept for an hour; ``None`` when nobody answered."""
    now = time.monotonic()
    kept = _known.get(domain)
    if kept is not None and kept[0] > now:
        return kept[1]
    try:
        judged = _judge(domain, ask)
    except (OSError, ValueError):
        return None
    with _writing:
        if len(_known) >= MOST_KEPT:
            _known.clear()
        _known[domain] = (now + KEPT_SECONDS, judged)
    return judged


def _judge(domain: str, ask: Ask) -> Mail:
    servers = ask(domain, "MX")
    if any(text.split()[-1] == "." for text in servers):
        return Mail("bad", f"{domain} says that it takes no mail.")
    if servers or ask(domain, "A") or ask(domain, "AAAA"):  # without MX the host itself takes it
        return Mail("good", "Its domain takes mail.")
    return Mail("bad", f"{domain} has no mail server, or does not exist.")


def _result(judged: Mail | None) -> Result:
    return later("The name servers did not answer.") if judged is None else Result(mail=judged)


def _domain(subject: Subject) -> str:
    return subject.handle.rpartition("@")[2]


STEP = Step(
    "mailserver", "Mail server", version=1, reads=("handle",), run=run, after=("address",), network=True, whole=True,
    applies=lambda subject: subject.network == EMAIL,
)  # fmt: skip
