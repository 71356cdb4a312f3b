from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.management.commands import rotate_keys
from accounts.models import Credential
from outreach.lib import crypto
from tests.factories import make_account

pytestmark = pytest.mark.django_db

OLD, NEW, LOST = (crypto.new_key() for _ in range(3))


@pytest.fixture
def secrets(settings: LazySettings) -> dict[int, dict[str, str]]:
    """Seven secrets under the old key, with the new key put in front."""
    settings.ENCRYPTION_KEYS = [OLD]
    secrets = {make_account(secret={"token": f"t{n}"}).pk: {"token": f"t{n}"} for n in range(7)}
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    return secrets


def tokens() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM accounts_credential ORDER BY account_id")
        return [token for (token,) in cursor.fetchall()]


def opened() -> dict[int, Any]:
    return dict(Credential.objects.values_list("pk", "secret"))


def rotate(**options: Any) -> str:
    out = StringIO()
    call_command("rotate_keys", stdout=out, **options)
    return out.getvalue()


def test_rotate_keys_leaves_nothing_that_needs_the_old_key(
    secrets: dict[int, dict[str, str]], settings: LazySettings
) -> None:
    said = rotate(batch_size=3)
    assert "accounts.Credential.secret: 7 secrets, 7 re-encrypted, 0 current." in said
    settings.ENCRYPTION_KEYS = [NEW]
    assert opened() == secrets


def test_rotate_keys_touches_nothing_twice(secrets: dict[int, dict[str, str]]) -> None:
    rotate()
    before = tokens()
    assert "7 secrets, 0 re-encrypted, 7 current." in rotate(batch_size=7)
    assert tokens() == before


def test_rotate_keys_goes_on_where_it_was_interrupted(
    secrets: dict[int, dict[str, str]], settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, done = rotate_keys.Column.write, []

    def interrupted(column: rotate_keys.Column, pk: Any, token: str) -> None:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(pk)
        write(column, pk, token)

    monkeypatch.setattr(rotate_keys.Column, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rotate(batch_size=2)
    assert sum(crypto.is_current(token) for token in tokens()) == 4  # two whole batches, the third not at all
    monkeypatch.undo()
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert opened() == secrets
    assert "7 secrets, 3 re-encrypted, 4 current." in rotate(batch_size=2)
    settings.ENCRYPTION_KEYS = [NEW]
    assert opened() == secrets


def test_rotate_keys_dry_run_writes_nothing(secrets: dict[int, dict[str, str]]) -> None:
    before = tokens()
    assert "7 secrets, 7 to re-encrypt, 0 current." in rotate(dry_run=True, batch_size=2)
    assert tokens() == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_rotate_keys_stops_at_a_secret_no_key_opens_and_loses_nothing(
    secrets: dict[int, dict[str, str]], settings: LazySettings, dry_run: bool
) -> None:
    before = tokens()
    settings.ENCRYPTION_KEYS = [NEW, LOST]
    with pytest.raises(
        CommandError, match=r"accounts\.Credential\.secret, row \d+: .* run again with all keys"
    ):
        rotate(dry_run=dry_run)
    assert tokens() == before
    settings.ENCRYPTION_KEYS = [OLD]
    assert opened() == secrets


def test_a_wrong_key_opens_nothing(secrets: dict[int, dict[str, str]], settings: LazySettings) -> None:
    settings.ENCRYPTION_KEYS = [LOST]
    with pytest.raises(crypto.WrongKey, match="ENCRYPTION_KEYS"):
        opened()


def test_rotate_keys_refuses_a_batch_of_nothing() -> None:
    with pytest.raises(CommandError, match="1 or more"):
        rotate(batch_size=0)
