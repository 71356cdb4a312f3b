"""Mail servers of their own for the tests of conversations by mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import Account
from tests.automation.conversations.mailing import make_mailbox
from tests.channels.email.world import MailWorld


@pytest.fixture
def world(engine: dict[str, Any]) -> Iterator[MailWorld]:
    engine["rate_cap"] = 0
    with MailWorld() as found:
        yield found


@pytest.fixture
def mailbox(world: MailWorld) -> Account:
    return make_mailbox(world)
