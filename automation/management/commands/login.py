"""Sign an account in by hand, once; the session is kept, encrypted."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import services as accounts
from accounts.enums import AccountStatus
from accounts.models import Account
from automation import services
from automation.browser import chromium
from automation.browsing import sessions
from automation.channels import registry
from automation.engine.runner import login_of
from outreach.lib.crypto import WrongKey

BY = "login"
DISPLAY = "Opens a window here; fails without a display."
STREAM = "Shows the window on a local page, also where there is a display."


class Command(BaseCommand):
    help = (
        "Sign ACCOUNT in by hand, once. It opens a window, or without a display prints the address of a local page that "
        "shows one. The session is kept encrypted and used until the site ends it; then the account says so and this "
        "is run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", help="Its number, its handle, or network:handle.")
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--window", action="store_const", const=True, dest="headed", help=DISPLAY)
        where.add_argument("--page", action="store_const", const=False, dest="headed", help=STREAM)
        parser.add_argument("--port", type=int, default=0, help="Of the local page; default: any free one.")
        parser.add_argument("--minutes", type=float, default=10.0, help="How long to wait (default 10).")

    def handle(self, *, account: str, headed: bool | None, port: int, minutes: float, **_: Any) -> None:
        chosen = self._find(account)
        by_hand = registry.login_by_hand(chosen.network)
        if by_hand is None:
            raise CommandError(f"{chosen} signs in with credentials. Set them on its page in the admin.")
        try:
            program = chromium.find_or_install(settings.CHROMIUM_PATH, self.stdout.write)
            windowed = chromium.find(settings.CHROMIUM_PATH, windowed=True)
            options = by_hand.Options(program, self.stdout.write, headed, port, minutes * 60, windowed)
            state = by_hand.sign_in(login_of(chosen), options)
        except (by_hand.GivenUp, chromium.ChromiumMissing, WrongKey, ValueError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Stopped; nothing was kept.") from None
        sessions.store(account=chosen, state=state, by=BY)
        self.stdout.write(f"{chosen} is signed in. {self._go_on(chosen)}")

    def _find(self, name: str) -> Account:
        network, _, handle = name.rpartition(":")
        found = Account.objects.filter(handle__iexact=handle.removeprefix("@"))
        if network:
            found = found.filter(network=network)
        if name.isdecimal() and len(name) < 19:
            found = Account.objects.filter(pk=int(name))
        several = list(found.select_related("credential")[:2])
        if not several:
            raise CommandError(f'There is no account "{name}".')
        if len(several) > 1:
            raise CommandError(f'Several accounts are called "{name}". Say network:{handle}.')
        return several[0]

    def _go_on(self, account: Account) -> str:
        """An account that waited for this is verified now; one that somebody stopped stays so."""
        account.refresh_from_db()
        if account.status == AccountStatus.ERROR:
            accounts.resume(account=account, by=BY)
            return "It is verified now."
        if account.status == AccountStatus.PENDING:
            services.verify_account(account=account, by=BY)
            return "It is verified now."
        return f"Its status stays: {account.get_status_display().lower()}."
