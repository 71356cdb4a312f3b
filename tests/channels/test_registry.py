"""Which channels are installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from automation.channels import registry
from automation.channels.base import Login
from outreach.lib import networks
from tests.benchmarks.noop.channel import NoopChannel


@pytest.fixture
def extra(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation with a channel from outside automation/channels."""
    monkeypatch.setattr(networks, "_known", dict(networks._known))
    settings.EXTRA_CHANNELS = ["tests.benchmarks.noop"]
    _forget()
    yield
    _forget()


def _forget() -> None:
    registry._packages.cache_clear()
    registry.load.cache_clear()


def test_extra_channel_is_opened_like_any_other(extra: None) -> None:
    assert "noop" in registry.load()
    assert "like" in registry.capabilities("noop")

    channel = registry.open_channel("noop", Login(account_id=1, handle="us", secret={"proves": False}))

    assert isinstance(channel, NoopChannel)
    assert not channel.proves


def test_extra_channel_without_a_demo_is_not_offered_as_one(extra: None) -> None:
    assert "noop" not in registry.demos()
    assert "sandbox" in registry.demos()


def test_channel_that_is_not_named_is_not_there() -> None:
    assert "noop" not in registry.load()
    with pytest.raises(registry.NotInstalled, match="No channel for noop"):
        registry.open_channel("noop", Login(account_id=1, handle="us"))
