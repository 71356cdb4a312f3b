"""What kind of world to make, and the command line that says so."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

TEMPERS = ("yes", "neutral", "out_of_office", "opt_out", "closed", "silent")
DEFAULT_SHARES = {"yes": 0.2, "neutral": 0.15, "out_of_office": 0.1, "opt_out": 0.15, "closed": 0.0}
MAX_PEOPLE = 1_000_000


@dataclass(frozen=True)
class WorldOptions:
    """Everything the generated world depends on: equal options make equal worlds.

    ``shares`` says which part of the people answers a message how (0 to 1 each); the rest stays silent.
    """

    people: int = 500
    accounts: int = 10
    seed: int = 1
    shares: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_SHARES))
    tag: str = ""  # ends every handle, so that two worlds have nobody in common

    def __post_init__(self) -> None:
        if not 1 <= self.people <= MAX_PEOPLE or not 1 <= self.accounts <= 10_000:
            raise ValueError(f"A world has 1 to {MAX_PEOPLE} people and 1 to 10000 accounts.")
        if unknown := set(self.shares) - set(TEMPERS[:-1]):
            raise ValueError(
                f"No such answer: {', '.join(sorted(unknown))}. Known: {', '.join(TEMPERS[:-1])}."
            )
        if min(self.shares.values(), default=0) < 0 or sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError("Shares are 0 or more and add up to 1 at most; the rest stays silent.")

    def as_dict(self) -> dict[str, Any]:
        """The options as the data folder remembers them."""
        return asdict(self)


@dataclass(frozen=True)
class ServerOptions:
    """How the process runs: where it listens, where it stores, and how fast people answer (seconds)."""

    data: Path
    port: int = 0
    host: str = "127.0.0.1"
    reply_delay: float = 5.0
    ends_with: int | None = None  # the process whose end ends this one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``manage.py sandbox`` and of ``python -m automation.channels.sandbox.network``."""
    parser.add_argument("--port", type=int, default=8040, help="Port on loopback; 0 takes a free one.")
    parser.add_argument("--host", default="127.0.0.1", help="A loopback address; anything else is refused.")
    parser.add_argument("--data", type=Path, required=True, help="Folder of the journal; kept between runs.")
    parser.add_argument("--people", type=int, default=500, help="How many synthetic people live there.")
    parser.add_argument("--accounts", type=int, default=10, help="How many accounts of ours it has.")
    parser.add_argument("--seed", type=int, default=1, help="Equal seeds make equal worlds.")
    parser.add_argument("--tag", default="", help="Ends every handle, so that two worlds share nobody.")
    parser.add_argument("--reply-delay", type=float, default=5.0, help="Seconds people take to react, about.")
    parser.add_argument(
        "--share",
        action="append",
        default=[],
        metavar="ANSWER=PART",
        help=f"Part of the people that answers so, e.g. yes=0.3; the rest is silent. Any of: {', '.join(TEMPERS[:-1])}.",
    )


def from_arguments(given: dict[str, Any]) -> tuple[WorldOptions, ServerOptions]:
    """The parsed command line as options; :class:`ValueError` says what is wrong with it."""
    shares = {} if given["share"] else dict(DEFAULT_SHARES)
    for text in given["share"]:
        name, _, part = text.partition("=")
        try:
            shares[name] = float(part)
        except ValueError:
            raise ValueError(f"--share takes ANSWER=PART, for example yes=0.3; not {text!r}.") from None
    world = WorldOptions(given["people"], given["accounts"], given["seed"], shares, given["tag"])
    server = ServerOptions(
        data=given["data"],
        port=given["port"],
        host=given["host"],
        reply_delay=max(0.0, given["reply_delay"]),
        ends_with=given.get("ends_with"),
    )
    return world, server
