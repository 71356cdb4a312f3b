"""The installation's admin site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model
from unfold.sites import UnfoldAdminSite

# Their own admin pages let people edit rows that only the program understands.
HIDDEN_APPS = frozenset({"django_q"})


class OutreachAdminSite(UnfoldAdminSite):
    """The one admin site; every app registers on it with ``django.contrib.admin.site``."""

    index_title = "Dashboard"
    enable_nav_sidebar = True

    def register(
        self, model_or_iterable: type[Model] | Iterable[type[Model]], admin_class: Any = None, **options: Any
    ) -> None:
        """Register all but the models of third parties that have no place here."""
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else list(model_or_iterable)
        ours = [model for model in models if model._meta.app_label not in HIDDEN_APPS]
        super().register(ours, admin_class, **options)
