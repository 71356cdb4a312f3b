"""The networks this installation can act on, as the channels announce them; a leaf, so that every app may ask."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Network:
    """What people and forms need to know of a network.

    ``credential_fields`` maps each field a connection needs to its label; ``handle_normaliser`` turns any spelling of a
    handle into the one we store.
    """

    name: str
    label: str
    credential_fields: dict[str, str] = field(default_factory=dict)
    needs_server: bool = False
    capabilities: frozenset[str] = frozenset()


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
