"""Make a key of the API and print it, once."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from accounts import api_keys, scopes


class Command(BaseCommand):
    help = (
        "Make a key of the API for USER and print it. It is shown this once: only its hash is kept. The key can do "
        "what both its scopes and the user's own permissions allow."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="Username of the key's owner.")
        parser.add_argument("--name", default="command line", help="What uses it.")
        parser.add_argument(
            "--scope", action="append", default=[], help=f"Repeatable. One of: {', '.join(scopes.ALL)}."
        )
        parser.add_argument("--read-only", action="store_true", help="Every scope that only reads.")
        parser.add_argument("--all-scopes", action="store_true", help="Every scope.")
        parser.add_argument(
            "--expires", default="", help="A date or time (2027-01-31), or days from now (90d)."
        )
        parser.add_argument("--json", action="store_true", help="Print JSON.")

    def handle(self, *, user: str, name: str, scope: list[str], expires: str, **options: Any) -> None:
        owner = User.objects.filter(username=user).first()
        if owner is None:
            raise CommandError(f'There is no user "{user}". Make one: manage.py createsuperuser')
        allowed = [
            *scope,
            *(scopes.READ_ONLY if options["read_only"] else ()),
            *(scopes.ALL if options["all_scopes"] else ()),
        ]
        try:
            key, text = api_keys.create_key(
                owner=owner, name=name, allowed=allowed, by="create_api_key", expires_at=_moment(expires)
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {"id": key.pk, "key": text, "scopes": key.scopes, "expires_at": _iso(key.expires_at)}
                )
            )
            return
        self.stdout.write(text)
        self.stderr.write(f"Key {key.pk} of {owner}: {', '.join(key.scopes)}. It is not shown again.")


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    if text.removesuffix("d").isdecimal() and text.endswith("d") and len(text) < 7:
        return timezone.now() + timedelta(days=int(text[:-1]))
    moment = parse_datetime(text)
    day = parse_date(text) if moment is None else None
    if day is not None:
        moment = datetime.combine(day, datetime.min.time())
    if moment is None:
        raise ValueError(
            f'"{text}" is no date. Use 2027-01-31, a time such as 2027-01-31T12:00Z, or days such as 90d.'
        )
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
