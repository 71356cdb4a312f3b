"""A typed client of the network's control endpoints: what a judge counts and what a test breaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from automation.channels.base import Login


@dataclass(frozen=True, slots=True)
class LedgerAct:
    """One act the network took. ``target`` is a profile's or post's id, ``person`` the handle of whom it
    touches.
    """

    seq: int
    at: datetime
    account: str
    kind: str
    target: str
    person: str
    text: str
    link: str
    send_id: str
    remote_id: str


@dataclass(frozen=True, slots=True)
class WindowCount:
    """Acts of one account and kind in one window."""

    account: str
    kind: str
    window: str
    acts: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What the ledger adds up to; copies are acts beyond the first with the same send id, or with the same
    content.
    """

    total: int
    kinds: dict[str, int]
    send_ids: int
    duplicate_send_ids: int
    duplicate_contents: int
    per_day: tuple[WindowCount, ...]
    after_opt_out: int
    after_opt_out_was_read: int
    opted_out_people: int
    token_refreshes: int


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """An account of ours on the network, with what it needs to log in."""

    id: str
    handle: str
    name: str
    expired: bool
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    password: str = field(repr=False)

    def login(self, server: str, account_id: int = 0) -> Login:
        """What a channel needs to act as this account."""
        return Login(account_id, self.handle, server, self.id, {"token": self.token})


@dataclass(frozen=True, slots=True)
class SyntheticPerson:
    """Who somebody really is; ``temper`` is how they answer a message."""

    id: str
    handle: str
    name: str
    language: str
    niche: str
    persona: str
    fit: bool
    temper: str
    opted_out_at: datetime | None


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One API request that came, acted upon or not. ``early``: the account was still told to wait."""

    seq: int
    at: datetime
    account: str
    kind: str
    path: str
    status: int
    fault: str
    early: bool
    early_for_kind: bool


class Control:
    """Talks to one network's ``/_`` endpoints. Raises ``httpx.HTTPStatusError`` with the network's words."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._timeout = 30.0

    def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = httpx.request(method, f"{self.url}{path}", timeout=self._timeout, trust_env=False, **more)
        if answer.is_error:
            raise httpx.HTTPStatusError(answer.text, request=answer.request, response=answer)
        found: dict[str, Any] = answer.json()
        return found

    def _paged(self, path: str, name: str) -> Iterator[dict[str, Any]]:
        after, more = 0, True
        while more:
            page = self._call("GET", path, params={"after": after})
            yield from page[name]
            after, more = page["after"], page["more"]

    # --- The judge -----------------------------------------------------------------------------------------
    def ledger(self) -> list[LedgerAct]:
        """Every act the network took from our accounts, in order."""
        return [_ledger_act(act) for act in self._paged("/_ledger", "acts")]

    def summary(self, *, grace: float = 0.0, since: str = "", until: str = "") -> Summary:
        """The sums over the ledger, or over a part of it (ISO times). ``grace`` (seconds) excuses acts
        after a no.
        """
        found = self._call("GET", "/_ledger/summary", params={"grace": grace, "since": since, "until": until})
        return Summary(**found | {"per_day": tuple(WindowCount(**one) for one in found["per_day"])})

    def windows(self, unit: str | float, *, zone: str = "UTC") -> list[WindowCount]:
        """Acts per account, kind and window: ``day`` or ``hour`` of a time zone, or a number of seconds."""
        found = self._call("GET", "/_ledger/windows", params={"unit": unit, "zone": zone})
        return [WindowCount(**one) for one in found["windows"]]

    def busiest(self, seconds: float) -> dict[tuple[str, str], int]:
        """The most acts in any stretch of ``seconds``, by account and kind."""
        found = self._call("GET", "/_ledger/busiest", params={"seconds": seconds})
        return {(one["account"], one["kind"]): one["acts"] for one in found["busiest"]}

    def late(self, *, after_read: bool = False, grace: float = 0.0) -> list[LedgerAct]:
        """Acts upon people after their no, or only those after it was handed to one of our accounts."""
        found = self._call("GET", "/_ledger/late", params={"read": int(after_read), "grace": grace})
        return [_ledger_act(act) for act in found["acts"]]

    def requests(self) -> list[SeenRequest]:
        """The latest API requests, also those that were refused; kept in the network's memory only."""
        found = self._paged("/_requests", "requests")
        return [SeenRequest(**one | {"at": datetime.fromisoformat(one["at"])}) for one in found]

    def forget_requests(self) -> None:
        """Start counting requests anew."""
        self._call("DELETE", "/_requests")

    def health(self) -> dict[str, Any]:
        """How much there is: people, accounts, acts, events, reactions waiting."""
        return self._call("GET", "/_health")

    # --- Trouble -------------------------------------------------------------------------------------------
    def fault(self, fault: str, **rule: Any) -> int:
        """Add a fault; see ``network/faults.py`` for the kinds and filters. Returns the rule's id."""
        return int(self._call("POST", "/_faults", json={"fault": fault, **rule})["id"])

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, with how often each hit."""
        found: list[dict[str, Any]] = self._call("GET", "/_faults")["rules"]
        return found

    def reset_faults(self) -> None:
        """All is well again."""
        self._call("POST", "/_faults/reset")

    def idempotency_keys(self, on: bool) -> None:
        """Whether the network answers a known send id with the first act instead of acting again. Off at
        start.
        """
        self._call("POST", "/_settings", json={"idempotency_keys": on})

    # --- Accounts and people -------------------------------------------------------------------------------
    def accounts(self) -> list[OwnAccount]:
        """Our accounts, with tokens and passwords."""
        return [OwnAccount(**one) for one in self._call("GET", "/_accounts")["accounts"]]

    def expire(self, handle: str) -> None:
        """Refuse the account's token until it is restored or refreshed."""
        self._call("POST", f"/_accounts/{_part(handle)}/expire")

    def restore(self, handle: str) -> None:
        """Accept the account's token again."""
        self._call("POST", f"/_accounts/{_part(handle)}/restore")

    def sign_out(self, handle: str) -> None:
        """End the account's browser sessions; its password opens new ones."""
        self._call("POST", f"/_accounts/{_part(handle)}/sign_out")

    def people(self) -> list[SyntheticPerson]:
        """Everybody, with the truth about them."""
        return [_person(one) for one in self._paged("/_people", "people")]

    def say(
        self, handle: str, text: str, *, account: str = "", post_id: str = "", automatic: bool = False
    ) -> str:
        """Have a person write to an account, or comment on a post; returns the message's id."""
        given = {"account": account, "post_id": post_id, "text": text, "automatic": automatic}
        return str(self._call("POST", f"/_people/{_part(handle)}/say", json=given)["result"])

    def write(self, handle: str, text: str) -> str:
        """Have a person post something now; returns the post's id."""
        return str(self._call("POST", f"/_people/{_part(handle)}/post", json={"text": text})["result"])

    def opt_out(self, handle: str, *, account: str = "", text: str | None = None) -> SyntheticPerson:
        """A person says no now: in a message to ``account``, or without one by pressing a button somewhere."""
        given = {"account": account} | ({} if text is None else {"text": text})
        return _person(self._call("POST", f"/_people/{_part(handle)}/opt_out", json=given))

    def delete_post(self, post_id: str) -> None:
        """Take a post away."""
        self._call("POST", f"/_posts/{_part(post_id)}/delete")

    def run_reactions(self) -> int:
        """Have everybody react at once to what happened so far; returns how many reactions there were."""
        return int(self._call("POST", "/_reactions/run")["carried_out"])


def _part(name: str) -> str:
    return quote(name, safe="")


def _ledger_act(found: dict[str, Any]) -> LedgerAct:
    return LedgerAct(**found | {"at": datetime.fromisoformat(found["at"])})


def _person(found: dict[str, Any]) -> SyntheticPerson:
    at = found["opted_out_at"]
    return SyntheticPerson(**found | {"opted_out_at": datetime.fromisoformat(at) if at else None})
