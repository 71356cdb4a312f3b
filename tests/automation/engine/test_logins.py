"""A token that expires under many workers, through the engine's own login, on a server that takes a refresh token once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.models import Account, Credential
from automation.channels.base import AuthFailed, TryLater
from automation.channels.bluesky.channel import BlueskyChannel
from automation.engine.logins import login_of
from tests.channels.bluesky.pds import POST, Pds
from tests.channels.contract import act
from tests.factories import make_account

pytestmark = pytest.mark.django_db(transaction=True)
REFRESH, SIGN_IN = "com.atproto.server.refreshSession", "com.atproto.server.createSession"


@pytest.fixture
def pds() -> Iterator[Pds]:
    server = Pds()
    yield server
    server.close()


@pytest.fixture
def account(pds: Pds) -> Account:
    handle, password = pds.join("ada")
    return make_account(
        network="bluesky", handle=handle, server=pds.url, remote_id="", secret={"app_password": password}
    )


def channel_of(account: Account) -> BlueskyChannel:
    return BlueskyChannel(login_of(Account.objects.select_related("credential").get(pk=account.pk)))


def work_at_once(account: Account, workers: int = 8) -> None:
    """Each worker opens the account's channel and posts once, all at the same moment."""
    channels = [channel_of(account) for _ in range(workers)]
    begin = threading.Barrier(workers)

    def work(channel: BlueskyChannel) -> None:
        begin.wait()
        try:
            channel.publish(act("post", text="Hello"))
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, channels))


def test_eight_workers_sign_in_once(pds: Pds, account: Account) -> None:
    work_at_once(account)
    assert (pds.calls[SIGN_IN], len(pds.of("ada.test", POST))) == (1, 8)


def test_token_that_expires_under_eight_workers_is_refreshed_once(pds: Pds, account: Account) -> None:
    channel_of(account).verify()
    for number in (1, 2, 3):
        pds.expire()
        work_at_once(account)
        assert (pds.calls[REFRESH], pds.calls[SIGN_IN]) == (number, 1)
    assert len(pds.of("ada.test", POST)) == 24


def test_refreshed_token_is_stored_before_it_is_used(pds: Pds, account: Account) -> None:
    channel_of(account).verify()
    pds.expire()
    channel_of(account).verify()
    stored = Credential.objects.get(account=account).secret
    assert pds.tokens[stored["session"]["refresh"]][0] == "refresh"
    assert pds.tokens[stored["session"]["access"]][0] == "access"
    assert stored["app_password"]


def test_session_that_ended_for_good_is_begun_again_with_the_password(pds: Pds, account: Account) -> None:
    channel_of(account).verify()
    pds.tokens.clear()
    work_at_once(account)
    assert (pds.calls[REFRESH], pds.calls[SIGN_IN]) == (1, 2)


def test_taken_back_password_is_an_auth_failure_and_keeps_the_secret(pds: Pds, account: Account) -> None:
    channel_of(account).verify()
    before = Credential.objects.get(account=account).secret
    pds.tokens.clear()
    pds.passwords.clear()
    with pytest.raises(AuthFailed):
        channel_of(account).verify()
    assert Credential.objects.get(account=account).secret == before


def test_secret_is_never_readable_in_the_database(pds: Pds, account: Account) -> None:
    channel_of(account).verify()
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM accounts_credential")
        rows = str(cursor.fetchall())
    assert "canary" not in rows
    assert "pass-ada" not in rows


def test_renewal_that_cannot_be_stored_sends_nothing(pds: Pds, account: Account) -> None:
    channel = channel_of(account)
    channel.verify()
    pds.expire()
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Credential.objects.select_for_update().get(account=account)
            held.set()
            go_on.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(5)
    began = time.monotonic()
    with pytest.raises(TryLater):
        channel.publish(act("post", text="Hello"))
    assert time.monotonic() - began < 9
    go_on.set()
    holder.join(5)
    assert pds.of("ada.test", POST) == []
