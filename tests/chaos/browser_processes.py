"""What runs for the browser: whom to kill, what is left, and how much it holds."""

from __future__ import annotations

import os
import random
from pathlib import Path

import psutil

from automation.browser.server import proportional
from tests.chaos.running import Up, title

CHILD = "automation.browser.child"


def victim(up: Up) -> tuple[str, psutil.Process] | None:
    """Chromium, the program that serves it, a browser worker, its driver, or a worker in a drain."""
    tree = up.tree()
    children = [one for one in tree if CHILD in title(one)]
    kinds: dict[str, list[psutil.Process]] = {
        "chromium": [one for one in tree if is_chromium(one)],
        "launcher": [one for one in tree if "launchServer" in title(one)],
        "child": children,
        "driver": [one for one in tree if "run-driver" in title(one)],
        "worker": up.draining(),
    }
    there = [(kind, found) for kind, found in kinds.items() if found]
    if not there:
        return None
    kind, found = random.choice(there)
    return kind, random.choice(found)


def is_chromium(process: psutil.Process) -> bool:
    words = title(process)
    return "--remote-debugging-pipe" in words and "--type=" not in words and not words.startswith("/bin/sh")


def held() -> float:
    """Megabytes of everything that runs for the browser: its server, Chromium and the workers."""
    names = ("chrom", "node")
    browser = [
        one for one in ours(home()) if CHILD in title(one) or any(name in _name(one) for name in names)
    ]
    return sum(map(proportional, browser)) / 1e6


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def home() -> Path:
    return Path(os.environ["TMPDIR"])


def ours(home: Path) -> list[psutil.Process]:
    """The living processes whose temporary folder is this run's."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("TMPDIR", "").startswith(str(home))
            if ours and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found
