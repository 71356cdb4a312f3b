"""Runs background jobs until it is stopped."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from outreach.lib.queue.cluster import Cluster


class Command(BaseCommand):
    help = "Run background jobs: workers that are replaced when they die or freeze. SIGTERM stops it within 30 seconds."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(Cluster().run())
