"""Hears every event while a test runs."""

from __future__ import annotations

from collections.abc import Callable

from outreach.lib.events import Event


class Recorder:
    """The events since the test began, oldest first; ``on_event`` may stand in for a subscriber."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] | None = None

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self.on_event:
            self.on_event(event)
