"""Discovery run to its end in the test's own process."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.discovery import feeding
from automation.discovery import services as discovery
from automation.enums import SourceKind
from automation.models import FrontierEntry, Source
from tests.automation.conftest import run_lanes


def a_source(account: Account, query: str = "#coffee", **fields: Any) -> Source:
    """A search on the sandbox, or what ``fields`` say."""
    values = {"kind": SourceKind.SEARCH, "network": "sandbox", "by": None}
    return discovery.add_source(query=query, account=account, **{**values, **fields})


def explore(*, at_most: float = 60.0) -> None:
    """Hand out and read until nothing more can be read now, as the workers' jobs do."""
    ends = time.monotonic() + at_most
    while feeding.feed("sandbox") + run_lanes(at_most=at_most):
        assert time.monotonic() < ends, "There is no end to what is to be read."


def requested(control: Control) -> Counter[str]:
    """The requests the network counted, by kind."""
    return Counter(request.kind for request in control.requests())


def states() -> Counter[str]:
    """The frontier's entries by state."""
    return Counter(FrontierEntry.objects.values_list("state", flat=True))


@pytest.fixture
def unpaced(engine: dict[str, Any]) -> dict[str, Any]:
    """More than a minute's acts at once."""
    engine["rate_cap"] = 0
    return engine


Somebody = Callable[..., Any]
