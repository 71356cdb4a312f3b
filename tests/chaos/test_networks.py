"""CHECKS 8 on every network, in short: drains in this process, deadlines of a second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from automation.channels.bluesky import client as bluesky
from automation.channels.email import channel as email
from automation.channels.email import smtp
from automation.channels.instagram import client as instagram
from automation.channels.mastodon import client as mastodon
from automation.channels.x import client as x
from automation.engine import tasks
from outreach.lib import clock
from tests.chaos import networks
from tests.chaos.harness import Result, until
from tests.chaos.stand import Stand
from tests.chaos.stands import STANDS
from tests.chaos.stands_mail import SmtpStand

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
QUICK = {
    "retry_base_seconds": 0.05, "breaker_seconds": 0.3, "drain_linger_seconds": 0.2, "drain_seconds": 5.0,
    "rate_cap": 0, "lane_lease_seconds": 4.0,
}  # fmt: skip
CLIENTS = (bluesky, instagram, mastodon, x)
SECOND = 1.0


@pytest.fixture(params=STANDS)
def stand(request: pytest.FixtureRequest, settings: Any) -> Iterator[Stand]:
    settings.ENGINE = {**settings.ENGINE, **QUICK}
    with STANDS[request.param]() as found:
        yield found


def test_every_fault_of_a_network_keeps_the_promises(stand: Stand) -> None:
    result = Result()
    with networks.Hands():
        networks.faults(stand, result)
    assert result.wrong == [], result.figures


def test_black_hole_opens_the_breaker_after_five_calls_at_most(
    stand: Stand, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENGINE = {**settings.ENGINE, "breaker_seconds": 60.0}
    for client in CLIENTS:
        monkeypatch.setattr(client, "BUDGET_SECONDS", SECOND)
        monkeypatch.setattr(client, "ACT_SECONDS", 0.1)
    monkeypatch.setattr(smtp, "UNTIL_DOT_SECONDS", SECOND)
    monkeypatch.setattr(email, "PROVIDER_SECONDS", SECOND)
    result = Result()
    began = networks.swallow(stand)
    tasks.add_many(stand.tasks(stand.accounts, 10))
    with networks.Hands():
        networks.swallowed(stand, result, began, within=30)
    assert result.wrong == [], result.figures
    assert result.figures["longest_call"] < SECOND + 1.5


def test_five_answers_that_never_come_after_the_dot_open_the_breaker(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENGINE = {**settings.ENGINE, **QUICK, "breaker_seconds": 60.0}
    monkeypatch.setattr(smtp, "AFTER_DOT_SECONDS", 2 * SECOND)
    with SmtpStand() as stand, networks.Hands():
        stand.world.smtp.fault("dot", silent=True, taken=True, count=1_000_000)
        silent, began = stand.accounts[:3], clock.database_now()
        tasks.add_many(stand.tasks(silent, 10))
        assert until(lambda: networks.opened(stand) == len(silent), within=60)
        assert [networks.calls(account, began) for account in silent] == [networks.BREAKER] * len(silent)
        assert (stand.taken(), stand.copies()) == (networks.BREAKER * len(silent), 0)
