"""What happened, told upward without anybody importing upward.

An app emits; apps above subscribe in their ``AppConfig.ready``. Subscribers run at once, in the emitter's transaction:
they write rows or register on_commit work, and never call a network.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """``name`` is ``thing.happened``; ``subject`` the model and primary keys it is about; ``by`` who caused it."""

    name: str
    model: str = ""
    ids: tuple[int, ...] = ()
    by: str = "system"
    data: dict[str, Any] = field(default_factory=dict)


Subscriber = Callable[[Event], None]
_subscribers: dict[str, list[Subscriber]] = defaultdict(list)


def subscribe(name: str, subscriber: Subscriber) -> None:
    """Call ``subscriber`` for each event called ``name``; ``*`` means every event. Subscribing twice counts once."""
    if subscriber not in _subscribers[name]:
        _subscribers[name].append(subscriber)


def emit(name: str, *, model: str = "", ids: Iterable[int] = (), by: object = None, **data: Any) -> None:
    """Tell everybody above. ``by`` is the user or part of the system that did it."""
    event = Event(name, model, tuple(ids), str(by or "system"), data)
    for subscriber in (*_subscribers[name], *_subscribers["*"]):
        subscriber(event)
