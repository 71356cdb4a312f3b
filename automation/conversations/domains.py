"""How the domain an account sends from stands with those who receive: asked when somebody wants to know, kept for a day."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import import_module

from django.core.cache import cache
from django.core.exceptions import ValidationError

from accounts.enums import ActionKind
from accounts.models import Account
from automation.channels import registry
from automation.channels.email import domain as records
from automation.channels.email.domain import Grade, Record
from outreach.lib import clock, events
from outreach.lib.actors import Actor

KEPT_SECONDS = 86_400
NAMESERVERS = "automation.channels.email.nameservers"  # loaded by the first check


@dataclass(frozen=True, slots=True)
class Checked:
    """A domain's records and when they were asked for."""

    domain: str
    at: datetime
    records: tuple[Record, ...]

    @property
    def in_order(self) -> bool:
        return all(record.grade in (Grade.GOOD, Grade.UNKNOWN) for record in self.records)


def sends_mail(account: Account) -> bool:
    """Whether the account's network is one of mail."""
    return ActionKind.EMAIL in registry.capabilities(account.network)


def domain_of(account: Account) -> str:
    return account.handle.rpartition("@")[2].casefold()


def check(*, account: Account, by: Actor) -> Checked:
    """Ask for the records of the account's domain, which may take some seconds, and keep the answer for a day."""
    if not sends_mail(account):
        raise ValidationError(f"{account} sends no mail.")
    credential = getattr(account, "credential", None)
    selector = str((credential.secret if credential else {}).get("dkim_selector") or "")
    domain = domain_of(account)
    ask = import_module(NAMESERVERS).resolver_of()
    found = tuple(records.examine(domain, ask, selector=selector))
    checked = Checked(domain, clock.database_now(), found)
    kept = {"at": checked.at.isoformat(), "records": [asdict(record) for record in found]}
    cache.set(_key(domain), kept, KEPT_SECONDS)
    wrong = [record.name for record in found if record.advice]
    events.emit("account.domain_checked", model="accounts.account", ids=[account.pk], by=by, wrong=wrong)
    return checked


def latest(account: Account) -> Checked | None:
    """The last answer, if it is younger than a day; asks nobody."""
    domain = domain_of(account)
    kept = cache.get(_key(domain))
    if not kept:
        return None
    found = tuple(Record(**{**one, "grade": Grade(one["grade"])}) for one in kept["records"])
    return Checked(domain, datetime.fromisoformat(kept["at"]), found)


def _key(domain: str) -> str:
    return f"mail-domain:{domain}"
