"""Rows edited on their owner's page and saved by a service."""

from __future__ import annotations

from typing import Any

from django import forms

# What Unfold's inlines give, and Django's formsets do not take.
UNFOLDS = ("request", "per_page", "count", "count_variant")


class ReadFormSet(forms.BaseInlineFormSet):
    """Read by its owner's page, which gives every change to a service; it saves nothing by itself."""

    new_objects: list[Any] = []
    changed_objects: list[Any] = []
    deleted_objects: list[Any] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        for unwanted in UNFOLDS:
            kwargs.pop(unwanted, None)
        super().__init__(*args, **kwargs)
