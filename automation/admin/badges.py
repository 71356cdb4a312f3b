"""Figures beside entries of the sidebar: what waits for a person."""

from __future__ import annotations

from django.http import HttpRequest

from automation.enums import TaskState
from automation.models import Conversation, Task

MANY = 99


def parked(request: HttpRequest) -> str:
    """Tasks whose outcome only a person can tell (index task_unknown)."""
    if not request.user.has_perm("automation.view_task"):
        return ""
    return _figure(Task.objects.filter(state=TaskState.UNKNOWN, due_at__isnull=True)[: MANY + 1].count())


def unread(request: HttpRequest) -> str:
    """Conversations with something new in them."""
    if not request.user.has_perm("automation.view_conversation"):
        return ""
    return _figure(Conversation.objects.filter(unread__gt=0).order_by()[: MANY + 1].count())


def _figure(count: int) -> str:
    if not count:
        return ""
    return f"{MANY}+" if count > MANY else str(count)
