"""The networks this installation can act on, as the channels announce them; a leaf, so that every app may ask."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Network:
    """What people and forms need to know of a network.

    ``credential_fields`` maps each field a connection needs to its label, ``optional_fields`` those it can do without.
    ``address`` is where the API of a network with one server lives. ``closed`` says of each act or reading the network's
    API does not allow, or allows with conditions, in one sentence why or which; it is shown where people look for it.
    """

    name: str
    label: str
    credential_fields: dict[str, str] = field(default_factory=dict)
    needs_server: bool = False
    capabilities: frozenset[str] = frozenset()
    optional_fields: dict[str, str] = field(default_factory=dict)
    address: str = ""
    closed: dict[str, str] = field(default_factory=dict)


_known: dict[str, Network] = {}


def register(network: Network) -> None:
    """Announce a network; called once by each channel's package."""
    _known[network.name] = network


def names() -> list[str]:
    """All networks by name, sorted."""
    return sorted(_known)


def get(name: str) -> Network:
    """One network; :class:`KeyError` if no channel serves it."""
    return _known[name]
