"""Which Chromium runs: the configured one, Playwright's own download, the system's, or one installed now."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

SYSTEM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable")
# Where Playwright unpacks its downloads; the folder names changed between its versions.
DOWNLOADS = (
    "chromium_headless_shell-*/chrome-*/headless_shell",
    "chromium_headless_shell-*/chrome-*/chrome-headless-shell",
    "chromium-*/chrome-*/chrome",
    "chromium-*/chrome-*/Chromium.app/Contents/MacOS/Chromium",
)
# No background traffic of the browser's own: only what a page asks for leaves the machine.
QUIET_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
APT_PACKAGE = "chromium-headless-shell"
INSTALL_SECONDS = 600


class ChromiumMissing(RuntimeError):
    """There is no Chromium and none could be installed; the message says what was tried and what to do."""


def launch_flags() -> list[str]:
    """Command line flags for this machine; root cannot use Chromium's own sandbox."""
    return [*(["--no-sandbox"] if os.geteuid() == 0 else []), *QUIET_FLAGS]


def find(configured: str = "", *, windowed: bool = False) -> Path | None:
    """The Chromium to run, or ``None``; a ``configured`` path that is no program is an error.

    ``windowed``: one that can open a window, which the small headless ones cannot.
    """
    if configured:
        if not os.access(configured, os.X_OK):
            raise ChromiumMissing(f"CHROMIUM_PATH ({configured}) is not a program. Correct or unset it.")
        return Path(configured)
    there = chain(_downloaded(windowed=windowed), _installed(windowed=windowed))
    return next(there, None)


def find_or_install(configured: str = "", say: Callable[[str], None] = print) -> Path:
    """The Chromium to run, installed if need be while ``say`` tells; else :class:`ChromiumMissing`."""
    found = find(configured)
    if found:
        return found
    for command in _install_commands():
        say(f"No Chromium found. Installing it: {' '.join(command)}")
        problem = _run(command)
        if problem:
            say(f"That failed: {problem}")
            continue
        found = find()
        if found:
            say(f"Chromium is at {found}.")
            return found
    raise ChromiumMissing(
        "No Chromium was found and none could be installed. Install one (Debian: apt-get install "
        f"{APT_PACKAGE}), or set CHROMIUM_PATH to the program."
    )


def _downloaded(*, windowed: bool) -> Iterator[Path]:
    """Playwright's own downloads, newest first."""
    caches = (Path.home() / ".cache/ms-playwright", Path.home() / "Library/Caches/ms-playwright")
    configured = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    for folder in [Path(configured)] if configured else caches:
        for pattern in _able(DOWNLOADS, windowed):
            programs = [path for path in folder.glob(pattern) if os.access(path, os.X_OK)]
            yield from sorted(programs, key=lambda path: path.stat().st_mtime, reverse=True)


def _installed(*, windowed: bool) -> Iterator[Path]:
    for name in _able(SYSTEM_NAMES, windowed):
        path = shutil.which(name)
        if path:
            yield Path(path)


def _able(names: Iterable[str], windowed: bool) -> list[str]:
    return [name for name in names if not (windowed and "headless" in name)]


def _install_commands() -> Iterator[list[str]]:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        install = f"apt-get update && apt-get install -y --no-install-recommends {APT_PACKAGE}"
        yield ["sh", "-c", install]
    yield [sys.executable, "-m", "playwright", "install", "chromium-headless-shell"]


def _run(command: list[str]) -> str:
    """Run an installer; empty when it worked, else the last line it said."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(  # noqa: S603 - only the fixed commands above
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {INSTALL_SECONDS} seconds"
    if done.returncode == 0:
        return ""
    lines = done.stdout.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
