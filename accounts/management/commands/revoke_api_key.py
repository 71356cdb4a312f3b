"""End a key of the API at once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from accounts import api_keys
from accounts.models import ApiKey


class Command(BaseCommand):
    help = "End a key of the API at once. Name it by its number, or by how it begins (outreach_...)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "key", help="Its number, or its beginning as lists show it; the whole key works too."
        )

    def handle(self, *, key: str, **_: Any) -> None:
        by_number = Q(pk=key) if key.isdecimal() and len(key) < 19 else Q(prefix=key[: api_keys.SHOWN])
        found = list(ApiKey.objects.filter(by_number)[:2])
        if not found:
            raise CommandError(f'There is no key "{key[: api_keys.SHOWN]}".')
        if len(found) > 1:
            raise CommandError("Several keys begin so. Name it by its number.")
        ended = api_keys.revoke_key(found[0], by="revoke_api_key")
        self.stdout.write(f"{found[0]} is revoked." if ended else f"{found[0]} was revoked already.")
