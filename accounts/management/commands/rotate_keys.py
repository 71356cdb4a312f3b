"""Re-encrypt every stored secret with the first key of ENCRYPTION_KEYS."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.db.models.functions import Cast

from outreach.lib import crypto
from outreach.lib.fields import EncryptedJSONField


@dataclass(frozen=True, slots=True)
class Column:
    """One encrypted column of one table."""

    model: type[models.Model]
    name: str

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.name}"

    def batch(self, after: Any, size: int) -> list[tuple[Any, str]]:
        """The next primary keys and tokens, locked for this transaction; ``after`` is the last key seen."""
        rows = self.model._base_manager.exclude(**{self.name: None}).order_by("pk").select_for_update()
        if after is not None:
            rows = rows.filter(pk__gt=after)
        # Cast hides the field from itself, so that the token arrives and not the secret.
        return list(
            rows.annotate(token=Cast(self.name, models.TextField())).values_list("pk", "token")[:size]
        )

    def write(self, pk: Any, token: str) -> None:
        """Store a token as it is."""
        value = models.Value(token, models.TextField())
        self.model._base_manager.filter(pk=pk).update(**{self.name: value})


def encrypted_columns() -> list[Column]:
    """Every encrypted column of every installed app."""
    return [
        Column(model, field.name)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedJSONField) and model._meta.managed and not model._meta.proxy
    ]


class Command(BaseCommand):
    help = (
        "Re-encrypt every stored secret with the first key of ENCRYPTION_KEYS. Put the new key in front, keep "
        "the old ones behind it, run this, then drop the old ones. It works in small batches and may be "
        "interrupted and run again. A secret that no key opens stops it; nothing of that batch is written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Open every secret and count; write nothing."
        )
        parser.add_argument(
            "--batch-size", type=int, default=500, help="Secrets per transaction (default 500)."
        )

    def handle(self, *, dry_run: bool, batch_size: int, **_: Any) -> None:
        if batch_size < 1:
            raise CommandError("--batch-size must be 1 or more.")
        for column in encrypted_columns():
            old, total = self._rotate(column, batch_size, dry_run)
            done = "to re-encrypt" if dry_run else "re-encrypted"
            self.stdout.write(f"{column}: {total} secrets, {old} {done}, {total - old} current.")

    def _rotate(self, column: Column, size: int, dry_run: bool) -> tuple[int, int]:
        old = total = 0
        after = None
        while True:
            with transaction.atomic():
                batch = column.batch(after, size)
                fresh = [(pk, new) for pk, token in batch if (new := self._renew(column, pk, token))]
                for pk, token in [] if dry_run else fresh:
                    column.write(pk, token)
            old += len(fresh)
            total += len(batch)
            if len(batch) < size:
                return old, total
            after = batch[-1][0]

    def _renew(self, column: Column, pk: Any, token: str) -> str | None:
        try:
            return None if crypto.is_current(token) else crypto.rotate(token)
        except crypto.WrongKey as problem:
            raise CommandError(f"{column}, row {pk}: {problem} Nothing is lost; run again with all keys.")
