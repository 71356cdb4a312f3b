"""Libraries that load a terminal's toolkit into every process, imported without it.

structlog takes rich for its tracebacks, httpx takes click, pygments and rich for a command of its own: about 6 MB in every
process, which none of ours uses. Both do without where it is missing, so it is missing while they are imported first.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TOOLKIT = ("click", "rich")
GREEDY = ("structlog", "httpx")


@contextmanager
def _missing(*names: str) -> Iterator[None]:
    """Importing these fails meanwhile; who imports them afterwards gets them."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes an import fail
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def load() -> None:
    """Import the greedy ones without their toolkit, before anybody else imports them."""
    with _missing(*TOOLKIT):
        for name in GREEDY:
            importlib.import_module(name)
