"""The browser workers of this process: children that are lent a job at a time."""

from __future__ import annotations

from automation.browser.shapes import Answer, BrowserDown, Job, State


def run(job: Job, state: State | None) -> Answer:
    """Do ``job`` in a child with ``state`` restored, killed at its deadline."""
    raise BrowserDown("No browser runs on this machine. Start one: python manage.py browser")
