"""Background jobs: how they are asked for, kept, and run. The one part of the library that knows django-q2.

A job is a nudge: a function's dotted name and primary keys. It may be lost, late or run twice without harm, because
what it is about stands in tables of its own.
"""

from outreach.lib.queue.broker import CHANNEL, PostgresBroker
from outreach.lib.queue.jobs import backlog, enqueue

__all__ = ["CHANNEL", "PostgresBroker", "backlog", "enqueue"]
