"""Begin discovery on a network where nothing is known yet; running workers do the reading, this command follows them."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Account
from automation.channels import registry
from automation.discovery import bootstrap, seeds
from automation.discovery.bootstrap import Begun, NotPossible, Standing

PAUSE = 0.5  # seconds between two looks
TOLD_EVERY = 5.0
SILENCE = 60.0  # seconds without anything happening, after which people are told what it may be


class Command(BaseCommand):
    help = (
        "Fill an empty database: searches public topics of a network by niche, reads whom they find, and judges them by a "
        "first rule a niche. Running workers (manage.py up) do it, within each account's limits and the network's daily plan. "
        "Exit code 1 when --profiles or --qualified was not reached. Ctrl-C stops following, not the reading; asked again, it "
        "goes on, and what was seen within the hour is not fetched again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--network", help="which network; may be left out while accounts work on one alone"
        )
        parser.add_argument(
            "--niche",
            action="append",
            default=[],
            metavar="NAME",
            help="one of --list; repeat for more; all by default",
        )
        parser.add_argument(
            "--account",
            action="append",
            default=[],
            metavar="HANDLE",
            help="who reads; every working account by default",
        )
        parser.add_argument("--pages", type=int, default=10, help="pages read of each search")
        parser.add_argument(
            "--profiles", type=int, default=1000, help="follow until so many profiles are read"
        )
        parser.add_argument("--qualified", type=int, default=200, help="and so many people fit")
        parser.add_argument("--seconds", type=float, default=1800.0, help="follow for so long at most")
        parser.add_argument(
            "--only", action="store_true", help="read these searches alone, do not grow from who fits"
        )
        parser.add_argument("--no-wait", action="store_true", help="begin and do not follow")
        parser.add_argument("--list", action="store_true", help="the networks and niches there are seeds for")
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on standard output, nothing else"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"]:
            self._list()
            return
        began = time.monotonic()
        network = options["network"] or self._only_network()
        begun = self._begin(network, options)
        standing = bootstrap.standing(network)
        if not options["no_wait"]:
            standing = self._follow(network, options, began)
        self._report(network, begun, standing, time.monotonic() - began, as_json=options["json"])
        short = standing.profiles < options["profiles"] or standing.qualified < options["qualified"]
        if short and not options["no_wait"]:
            sys.exit(1)

    def _list(self) -> None:
        for network in registry.load():
            if known := seeds.niches(network):
                self.stdout.write(f"{network}: {', '.join(known)}")

    def _only_network(self) -> str:
        """The one network with both seeds and a working account."""
        able = [name for name in registry.load() if seeds.niches(name)]
        used = Account.objects.working().filter(network__in=able).order_by("network")
        found = list(used.values_list("network", flat=True).distinct())
        if len(found) != 1:
            what = (
                f"Accounts work on {', '.join(found)}"
                if found
                else "No account works on a network with seeds yet"
            )
            raise CommandError(
                f"{what}: say which one with --network. There are seeds for: {', '.join(able)}."
            )
        return found[0]

    def _begin(self, network: str, options: dict[str, Any]) -> Begun:
        try:
            begun = bootstrap.begin(
                network=network, by="bootstrap", niches=options["niche"], accounts=self._readers(network, options["account"]),
                max_pages=options["pages"], expand=not options["only"],
            )  # fmt: skip
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except (NotPossible, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"{len(begun.sources)} searches are being read on {network}.")
        return begun

    def _readers(self, network: str, handles: list[str]) -> list[Account]:
        working = {one.handle.casefold(): one for one in Account.objects.working().filter(network=network)}
        wanted = [handle.lstrip("@").casefold() for handle in handles]
        if unknown := [handle for handle in wanted if handle not in working]:
            raise CommandError(f"No working account on {network} is called {', '.join(unknown)}.")
        return [working[handle] for handle in wanted]

    def _follow(self, network: str, options: dict[str, Any], began: float) -> Standing:
        """Look until both numbers are reached, nothing is left to read, or the time is over; progress goes to stderr."""
        standing, changed, told = bootstrap.standing(network), time.monotonic(), 0.0
        while time.monotonic() - began < options["seconds"]:
            last, standing = standing, bootstrap.standing(network)
            now = time.monotonic()
            enough = standing.profiles >= options["profiles"] and standing.qualified >= options["qualified"]
            if enough or standing.at_rest:
                break
            changed = now if standing != last else changed
            if now - told > TOLD_EVERY:
                told = now
                self.stderr.write(
                    f"{standing.profiles} profiles read, {standing.qualified} fit, "
                    f"{standing.waiting + standing.being_read} to be read"
                )
            if now - changed > SILENCE:
                changed = now
                self.stderr.write(
                    "Nothing has happened for a minute. Are the workers running (manage.py up)? Frontier in the admin "
                    "says what waits, and why."
                )
            time.sleep(PAUSE)
        return standing

    def _report(
        self, network: str, begun: Begun, standing: Standing, seconds: float, *, as_json: bool
    ) -> None:
        figures = {
            "network": network, "sources": len(begun.sources), "rules": list(begun.new_rules), **asdict(standing),
            "seconds": round(seconds, 1),
        }  # fmt: skip
        if as_json:
            self.stdout.write(json.dumps(figures))
            return
        if standing.waiting and not standing.looks_left:
            self.stderr.write(
                "Today's plan is used up; it goes on at midnight UTC. Raise it in the admin under Discovery plans."
            )
        self.stdout.write(
            f"{standing.profiles} profiles read on {network}, {standing.qualified} of them fit, "
            f"{standing.waiting + standing.being_read} still to be read."
        )
        if begun.new_rules:
            self.stdout.write(
                f"First rules were written, see Rules in the admin: {', '.join(begun.new_rules)}."
            )
