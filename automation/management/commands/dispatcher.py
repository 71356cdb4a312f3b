from typing import Any

from django.core.management.base import BaseCommand

from automation.engine.dispatcher import dispatch
from outreach.lib import processes, stopping


class Command(BaseCommand):
    help = "Wakes drains when lanes are due. Runs until stopped; `up` starts it for you."
    requires_system_checks: list[str] = []  # they load every address, which nobody here asks for

    def handle(self, *args: Any, **options: Any) -> None:
        stopping.on_signals()
        dispatch(_go_on)


def _go_on() -> bool:
    processes.beat()
    return not stopping.requested()
