"""Which channels are installed: every folder here whose package names its network."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from typing import cast

from automation.channels.base import Channel, Login
from outreach.lib import networks


@cache
def load() -> tuple[str, ...]:
    """Import every channel package, which announces its network; returns their names. Drivers load on first use."""
    package = import_module("automation.channels")
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg:
            networks.register(import_module(f"automation.channels.{module.name}").NETWORK)
    return tuple(networks.names())


def capabilities(network: str) -> frozenset[str]:
    """The action kinds a network's channel can do; empty for a network without a channel."""
    load()
    try:
        return networks.get(network).capabilities
    except KeyError:
        return frozenset()


def open_channel(network: str, login: Login) -> Channel:
    """The driver of ``network`` for one account; :class:`KeyError` where none is installed."""
    load()
    networks.get(network)
    return cast(Channel, import_module(f"automation.channels.{network}.channel").connect(login))
