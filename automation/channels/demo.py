"""What a network tells the demo: whom to connect, what to look for, and what it saw, to be held against our books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. ``folder`` is a fresh one for whatever the network keeps."""

    folder: Path
    accounts: int = 20
    people: int = 500
    url: str = ""
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account to connect, with its daily limits by action kind."""

    handle: str
    server: str
    secret: dict[str, str] = field(repr=False)
    time_zone: str = "UTC"
    role: str = "outreach"
    limits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the demo does on this network. A source is (kind, query); sources are read by the accounts in turn."""

    sources: tuple[tuple[str, str], ...]
    keywords: tuple[str, ...]
    texts: tuple[str, ...]
    posts: tuple[str, ...]
    answer: str
    chat_accounts: int = 0  # how many of the accounts take interested people over
    step: str = "dm"  # how people are written to, where the network has no messages "reply"


@dataclass(frozen=True, slots=True)
class SeenAct:
    """One act the network took. ``send_id`` is empty where the network does not keep it; then its own id tells."""

    at: datetime
    account: str
    kind: str
    target: str
    text: str = ""
    send_id: str = ""
    remote_id: str = ""
    before: bool = False  # it was there when the demo began, e.g. somebody followed already


class DemoNetwork(Protocol):
    """A running network the demo can use."""

    def accounts(self) -> Sequence[DemoAccount]: ...
    def plan(self) -> Plan: ...
    def start_trouble(self) -> None:
        """From now on the network loses some answers and refuses some requests, where it can be made to."""

    def calm(self) -> None:
        """All is well again."""

    def acts(self) -> Sequence[SeenAct]:
        """Everything it saw our accounts do."""

    def opted_out(self) -> dict[str, datetime]:
        """When each person said no, by handle, as the network knows it."""

    def close(self) -> None: ...
