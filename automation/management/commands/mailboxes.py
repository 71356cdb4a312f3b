from typing import Any

from django.core.management.base import BaseCommand

from automation.conversations.watching import watch
from outreach.lib import stopping


class Command(BaseCommand):
    help = "Waits for mail in all mailboxes, so that it is read at once. Runs until stopped; `up` starts it when there are any."

    def handle(self, *args: Any, **options: Any) -> None:
        stopping.on_signals()
        watch(lambda: not stopping.requested())
