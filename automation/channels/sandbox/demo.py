"""The sandbox as the demo's network: its own process, with losses, rate limits and errors switched on."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from automation.channels.demo import DemoAccount, Options, Plan, SeenAct
from automation.channels.sandbox.network.phrases import TOPICS
from automation.channels.sandbox.process import SandboxProcess

OFFLINE = True  # needs nothing from outside, so it is what the demo uses unless told otherwise
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
LIMITS = {"follow": 20, "dm": 12, "post": 5}
SHARES = {"yes": 0.2, "neutral": 0.15, "out_of_office": 0.1, "opt_out": 0.1}
POSTS = (
    "Three things we learned from a hundred first cups of #coffee.",
    "A slow Sunday ride beats a fast commute. Where do you go? #cycling",
    "Glazing day: half the bowls surprised us. #ceramics",
    "Tomatoes like to be left alone more than we think. #gardening",
    "Light at seven in the morning forgives everything. #photography",
    "What would you teach somebody in one hour? #coffee",
    "Patch, pump, go: the kit we carry. #cycling",
    "The crack is the story. #ceramics",
    "Seeds to start this week, and seeds to leave. #gardening",
    "One lens for a year: what it did to our eyes. #photography",
)


class SandboxDemo:
    """A world of its own for every run, so that a second demo meets new people."""

    def __init__(self, options: Options) -> None:
        self._count = options.accounts
        self._process = SandboxProcess(
            options.folder, people=options.people, accounts=options.accounts, seed=secrets.randbelow(10**6),
            reply_delay=1.5, shares=SHARES, tag=secrets.token_hex(2),
        ).start()  # fmt: skip

    def accounts(self) -> Sequence[DemoAccount]:
        chats = self.plan().chat_accounts
        return [
            DemoAccount(
                handle=account.handle, server=self._process.url, secret={"token": account.token},
                time_zone=ZONES[number % len(ZONES)], limits=LIMITS, role="chat" if number < chats else "outreach",
            )
            for number, account in enumerate(self._process.control.accounts())
        ]  # fmt: skip

    def plan(self) -> Plan:
        tags = sorted({topic.tag for language in TOPICS.values() for topic in language.values()})
        searches = [("search", f"#{tag}") for tag in tags]
        popular = [person.handle for person in self._process.control.people()[:: max(1, self._count // 2)]]
        related = [("related", handle) for handle in popular[:30]]
        commenters = [("commenters", handle) for handle in popular[30:60]]
        return Plan(
            sources=(*searches, *related, *commenters),
            keywords=tuple(tags),
            texts=(
                "Hi {first_name}, we run a small studio and liked what you post. Would you like to see what we are making?",
                "Hello {first_name}! Your posts made us stop scrolling. May we send you our next letter?",
            ),
            posts=POSTS,
            answer="Wonderful! Here is where it happens: https://studio.example/hello",
            chat_accounts=min(2, self._count // 2),
        )

    def start_trouble(self) -> None:
        control = self._process.control
        control.fault("drop", kind="acts", probability=0.03)
        control.fault("rate_limit", probability=0.01, retry_after=1)
        control.fault("error", probability=0.02)

    def calm(self) -> None:
        self._process.control.reset_faults()

    def acts(self) -> Sequence[SeenAct]:
        return [
            SeenAct(act.at, act.account, act.kind, act.target, act.text, act.send_id, act.remote_id)
            for act in self._process.control.ledger()
        ]

    def opted_out(self) -> dict[str, datetime]:
        return {
            p.handle: p.opted_out_at for p in self._process.control.people() if p.opted_out_at is not None
        }

    def close(self) -> None:
        self._process.stop()


def open_demo(options: Options) -> SandboxDemo:
    """Start a fresh network for one run."""
    return SandboxDemo(options)
