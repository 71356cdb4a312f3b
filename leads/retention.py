"""What leads deletes, and when."""

from __future__ import annotations

from datetime import timedelta

from leads import exporting, importing
from leads.models import Export, Import, ProfileFigures
from outreach.lib import retention

KEEP_FILES = timedelta(days=30)  # of imports nobody followed up; the reports on their rows stay
KEEP_FIGURES = timedelta(days=2 * 365)  # how profiles grew; what they have now stands at the profile itself
KEEP_EXPORTS = timedelta(days=7)  # copies of people's data should not lie about


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
        ),
        retention.Rule(
            "exports",
            KEEP_EXPORTS,
            lambda before: Export.objects.filter(created_at__lt=before).count(),
            exporting.forget_files,
        ),
        retention.rows(
            "figures of profiles",
            KEEP_FIGURES,
            lambda before: ProfileFigures.objects.filter(day__lt=before.date()).order_by("day"),
        ),
    )
