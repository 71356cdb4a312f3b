"""The networks this installation can act on, as the channels announce them; a leaf, so that every app may ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Posts:
    """What a network takes as one post.

    ``length`` counts a post as the network does, from its text, its link and its content warning; ``unit`` is what it
    counts. ``images`` is how many pictures go with a post. ``visibilities`` maps what may be chosen to its label; where
    it is empty every post is public. ``warnings`` says whether a content warning can stand before a post.
    """

    longest: int
    length: Callable[[str, str, str], int]
    unit: str = "characters"
    images: int = 0
    visibilities: Mapping[str, str] = field(default_factory=dict)
    warnings: bool = False


@dataclass(frozen=True, slots=True)
class Handles:
    """What a handle looks like on a network: how long it may be, what may stand between words, what follows it."""

    longest: int = 30
    shortest: int = 2
    joiners: str = "_"
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """What people and forms need to know of a network.

    ``credential_fields`` maps each field a connection needs to its label, ``optional_fields`` those it can do without.
    ``address`` is where the API of a network with one server lives. ``closed`` says of each act or reading the network's
    API does not allow, or allows with conditions, in one sentence why or which; it is shown where people look for it.
    ``posts`` is what it takes as one post, where it takes posts and says so. ``answers_comments_privately``: who commented
    is written to by way of the comment, whose id goes with the message.
    """

    name: str
    label: str
    credential_fields: dict[str, str] = field(default_factory=dict)
    needs_server: bool = False
    handles_name_their_server: bool = False
    capabilities: frozenset[str] = frozenset()
    optional_fields: dict[str, str] = field(default_factory=dict)
    address: str = ""
    closed: dict[str, str] = field(default_factory=dict)
    posts: Posts | None = None
    handles: Handles = Handles()
    answers_comments_privately: bool = False


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


def why_closed(name: str, kind: str) -> str:
    """A sentence on why a network's API does not allow an act, with a space in front; empty where nobody said."""
    network = _known.get(name)
    why = network.closed.get(kind, "") if network else ""
    return f" {why}" if why else ""
