"""Makes the database and the static files fit this version of Outreach; `up` does it first."""

from typing import Any

from django.core.management.base import BaseCommand

from monitoring.supervision.preparation import prepare


class Command(BaseCommand):
    help = (
        "Migrate, create the cache table and, where there is none, the first admin, whose password is printed once. "
        "Safe to run again, and on several machines at once."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        admin = prepare(verbosity=options["verbosity"])
        if admin:
            name, password = admin
            self.stdout.write(f"First admin: {name}   password: {password}   (shown only this once)")
