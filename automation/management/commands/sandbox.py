"""``manage.py sandbox``: our own small social network, in the foreground. Needs no database."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from automation.channels.sandbox.network import options
from automation.channels.sandbox.network.journal import JournalError
from automation.channels.sandbox.network.server import serve


class Command(BaseCommand):
    help = "Run the sandbox: a small social network on loopback, with a ledger of every act it took."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        options.add_arguments(parser)

    def handle(self, *args: Any, **given: Any) -> None:
        try:
            serve(*options.from_arguments(given))
        except (ValueError, JournalError) as error:
            raise CommandError(str(error)) from error
