"""A token that expires under many workers is renewed once, and what the network gave is never lost."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection

from accounts.models import Account, Credential
from accounts.services import renew_secret, set_credentials
from accounts.services import secrets as renewing
from tests.factories import make_account

pytestmark = pytest.mark.django_db(transaction=True)


class Issuer:
    """Gives each refresh token a successor, once, as networks with one-time refresh tokens do."""

    def __init__(self) -> None:
        self.valid = 0
        self.asked = 0
        self._one_by_one = threading.Lock()

    def make(self, secret: dict[str, Any]) -> dict[str, Any]:
        with self._one_by_one:
            self.asked += 1
            assert secret["refresh"] == self.valid, "a one-time token was used twice"
            self.valid += 1
            taken = self.valid
        time.sleep(0.05)  # the answer is on its way
        return {**secret, "refresh": taken}


def stored(account: Account) -> dict[str, Any]:
    return dict(Credential.objects.get(account=account).secret)


def test_many_workers_renew_once_and_all_go_on_with_the_new_token() -> None:
    account, issuer = make_account(secret={"refresh": 0}), Issuer()
    begin = threading.Barrier(8)

    def work(_: int) -> dict[str, Any]:
        begin.wait()
        try:
            return renew_secret(account_id=account.pk, stale={"refresh": 0}, make=issuer.make)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(work, range(8)))
    assert (got, issuer.asked, stored(account)) == ([{"refresh": 1}] * 8, 1, {"refresh": 1})


def test_each_expiry_is_a_renewal_of_its_own() -> None:
    account, issuer = make_account(secret={"refresh": 0}), Issuer()
    for number in range(3):
        renew_secret(account_id=account.pk, stale={"refresh": number}, make=issuer.make)
    assert (issuer.asked, stored(account)) == (3, {"refresh": 3})


def test_a_failed_renewal_changes_nothing() -> None:
    account = make_account(secret={"refresh": 0})

    def fail(secret: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("the network said no")

    with pytest.raises(RuntimeError):
        renew_secret(account_id=account.pk, stale={"refresh": 0}, make=fail)
    assert stored(account) == {"refresh": 0}


def test_new_credentials_are_not_overwritten_by_a_late_worker() -> None:
    account, issuer = make_account(secret={"token": "old"}), Issuer()
    set_credentials(account=account, secret={"token": "new"}, by="test")
    assert renew_secret(account_id=account.pk, stale={"token": "old"}, make=issuer.make) == {"token": "new"}
    assert (issuer.asked, stored(account)) == (0, {"token": "new"})


def test_waiting_for_a_renewal_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewing, "WAIT_MILLISECONDS", 200)
    account = make_account(secret={"refresh": 0})
    held, go_on = threading.Event(), threading.Event()

    def slow(secret: dict[str, Any]) -> dict[str, Any]:
        held.set()
        go_on.wait(10)
        return {"refresh": 1}

    def work() -> None:
        renew_secret(account_id=account.pk, stale={"refresh": 0}, make=slow)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    assert held.wait(5)
    with pytest.raises(OperationalError):
        renew_secret(account_id=account.pk, stale={"refresh": 0}, make=slow)
    go_on.set()
    worker.join(5)
    assert stored(account) == {"refresh": 1}
