"""What leads deletes, and when."""

from __future__ import annotations

from datetime import timedelta

from leads import importing
from leads.models import Import
from outreach.lib import retention

KEEP_FILES = timedelta(days=30)  # of imports nobody followed up; the reports on their rows stay


def register() -> None:
    """Announce our rules; called once when Django starts."""
    retention.register(
        retention.Rule(
            "import files",
            KEEP_FILES,
            lambda before: (
                Import.objects.filter(created_at__lt=before, parts__isnull=False).distinct().count()
            ),
            lambda before, _batch: importing.forget_files(before),
        )
    )
