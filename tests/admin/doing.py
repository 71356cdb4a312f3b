"""How staff do things: a dialog submitted, rows of a list chosen."""

from __future__ import annotations

from typing import Any

from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse


def act(client: Client, model: str, pk: int, name: str, **data: Any) -> Any:
    """Submit an act's dialog, as the browser does."""
    url = f"{reverse(f'admin:{model}_change', args=[pk])[: -len('change/')]}{name}/"
    return client.post(url, {"_form_submitted": "on", **data}, follow=True)


def bulk(client: Client, model: str, name: str, pks: list[int], **data: Any) -> Any:
    """Choose rows of a list, an action, and submit its form."""
    chosen = {"action": name, "_selected_action": pks, "apply": "1", "_form_submitted": "on"}
    return client.post(reverse(f"admin:{model}_changelist"), {**chosen, **data}, follow=True)


def told(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request)) + answer.content.decode()
