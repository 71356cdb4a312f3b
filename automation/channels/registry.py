"""Which channels are installed: every folder here whose package names its network, and ``settings.EXTRA_CHANNELS``."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module, resources
from importlib.util import find_spec
from typing import Any, cast

from django.conf import settings

from automation.channels.base import Channel, Login
from automation.channels.demo import DemoNetwork, Options
from automation.channels.oauth import OAuth
from outreach.lib import networks


class NotInstalled(LookupError):
    """No channel package here serves this network; the message says so."""


@cache
def _packages() -> dict[str, str]:
    """The package of each network; imported, since each announces its network by its name."""
    home = import_module("automation.channels")
    own = [f"{home.__name__}.{module.name}" for module in pkgutil.iter_modules(home.__path__) if module.ispkg]
    return {import_module(name).NETWORK.name: name for name in (*own, *settings.EXTRA_CHANNELS)}


@cache
def load() -> tuple[str, ...]:
    """Import every channel package and announce its network; returns their names. Drivers load on first use."""
    for package in _packages().values():
        networks.register(import_module(package).NETWORK)
    return tuple(networks.names())


def capabilities(network: str) -> frozenset[str]:
    """The action kinds a network's channel can do; empty for a network without a channel."""
    load()
    try:
        return networks.get(network).capabilities
    except KeyError:
        return frozenset()


def open_channel(network: str, login: Login) -> Channel:
    """The driver of ``network`` for one account; :class:`NotInstalled` where there is none."""
    load()
    if network not in _packages():
        raise NotInstalled(f"No channel for {network} is installed here.")
    return cast(Channel, import_module(f"{_packages()[network]}.channel").connect(login))


def oauth_of(network: str) -> OAuth | None:
    """How people sign in with the network in the browser; ``None`` where they cannot."""
    load()
    name = f"{_packages()[network]}.oauth" if network in _packages() else ""
    return cast(OAuth, import_module(name)) if name and find_spec(name) is not None else None


def login_by_hand(network: str) -> Any:
    """The module with which a person signs an account in by hand (``sign_in``, ``Options``, ``GivenUp``); ``None`` where
    the network has none.
    """
    load()
    package = _packages().get(network)
    if package is None or find_spec(f"{package}.login") is None:
        return None
    return import_module(f"{package}.login")


def text_of(network: str, name: str) -> str:
    """A text file of the network's channel; empty where it brings none."""
    load()
    package = _packages().get(network)
    file = resources.files(package) / name if package else None
    return file.read_text(encoding="utf-8") if file is not None and file.is_file() else ""


def _demo_of(network: str) -> Any:
    """The network's demo module; :class:`KeyError` with a sentence where it has none."""
    if network not in demos():
        raise KeyError(f'There is no demo for "{network}". There is one for: {", ".join(demos())}.')
    return import_module(f"{_packages()[network]}.demo")


def demos() -> list[str]:
    """The networks that have a demo."""
    return [name for name in load() if find_spec(f"{_packages()[name]}.demo") is not None]


def offline_demo() -> str:
    """The network whose demo needs nothing from outside."""
    return next(name for name in demos() if _demo_of(name).OFFLINE)


def open_demo(network: str, options: Options) -> DemoNetwork:
    """Start or reach the network for one demo. Raises :class:`KeyError` or :class:`ValueError` with what is missing."""
    return cast(DemoNetwork, _demo_of(network).open_demo(options))
