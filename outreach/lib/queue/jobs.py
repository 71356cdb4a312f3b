"""Asking for background work."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task


def enqueue(
    func: str,
    *args: int | str,
    dedupe: str | None = None,
    timeout: int | None = None,
    keep_result: bool = False,
) -> None:
    """Have a worker call ``func`` (a dotted name) with ``args`` (primary keys and short words), soon after the commit.

    With ``dedupe`` nothing is added while a job under the same key still waits to be taken. ``timeout`` is in seconds
    and must stay under the queue's retry time, or the job would run twice. Failures are always recorded, successes
    only with ``keep_result``. Raises :class:`TypeError` for a callable or an argument that is no ``int`` or ``str``,
    :class:`ValueError` for a name without a module or a timeout too long.
    """
    if not isinstance(func, str):
        raise TypeError(f"enqueue takes a function's dotted name, not the object {func!r}")
    if "." not in func:
        raise ValueError(f"{func!r} names no module; write it as app.jobs.name")
    for arg in args:
        if not isinstance(arg, int | str):
            raise TypeError(
                f"{func}: a job takes primary keys and short words, not {type(arg).__name__} {arg!r}"
            )
    options: dict[str, Any] = {"save": keep_result}
    if dedupe is not None:
        options["group"] = dedupe
    if timeout is not None:
        if timeout >= settings.Q_CLUSTER["retry"]:
            raise ValueError(
                f"{func}: a timeout of {timeout} s is not under the retry time; it would run twice"
            )
        options["timeout"] = timeout
    if settings.Q_CLUSTER.get("broker_class"):
        async_task(func, *args, q_options=options)
    else:  # a queue that is not part of our transaction must not hear of what may yet be rolled back
        transaction.on_commit(partial(async_task, func, *args, q_options=options), robust=True)


def backlog() -> int:
    """How many jobs wait to be taken by a worker."""
    return int(get_broker().queue_size())
