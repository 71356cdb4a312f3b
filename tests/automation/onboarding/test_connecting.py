"""One account at a time, against the sandbox network."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.enums import AccountStatus
from accounts.models import Account, Credential
from automation.channels.base import AccountInfo, AuthFailed, Login
from automation.channels.sandbox.channel import SandboxChannel
from automation.channels.sandbox.control import Control, OwnAccount
from automation.channels.sandbox.process import SandboxProcess
from automation.models import Task
from automation.onboarding import connecting, mailboxes
from automation.onboarding.connecting import NotReached, Wanted
from tests.automation.conftest import run_lanes

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "canary-9c2e"


@pytest.fixture
def own(control: Control) -> OwnAccount:
    return control.accounts()[30]


@pytest.fixture
def other(control: Control) -> OwnAccount:
    return control.accounts()[31]


def wanted(process: SandboxProcess, own: OwnAccount, **changed: Any) -> Wanted:
    given = {
        "network": "sandbox",
        "handle": own.handle,
        "server": process.url,
        "secret": {"token": own.token},
    }
    return Wanted(**{**given, **changed})


def test_trying_says_who_it_is_and_saves_nothing(network: SandboxProcess, own: OwnAccount) -> None:
    tried = connecting.try_out(wanted(network, own, handle=""))
    assert (tried.info.handle, tried.info.remote_id) == (own.handle, own.id)
    assert own.token not in repr(tried)
    assert not Account.objects.exists()
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"network": "nowhere"}, "is not a network"), ({"secret": {}}, "Access token is missing"),
        ({"secret": {"token": CANARY}}, "token"), ({"server": ""}, "many servers"), ({"server": "ftp://x"}, "no address"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_said_in_clear_words(
    network: SandboxProcess, own: OwnAccount, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        connecting.try_out(wanted(network, own, **changed))
    assert said.lower() in " ".join(refused.value.messages).lower()
    assert CANARY not in str(refused.value)


def test_a_network_that_is_away_is_not_a_refusal(own: OwnAccount, network: SandboxProcess) -> None:
    with pytest.raises(NotReached, match="The network could not be asked"):
        connecting.try_out(wanted(network, own, server="http://127.0.0.1:9"))


def test_an_address_inside_is_refused(own: OwnAccount, network: SandboxProcess) -> None:
    with pytest.raises(ValidationError):
        connecting.try_out(wanted(network, own, server="http://169.254.169.254"))


def test_connecting_makes_an_account_that_works_at_once(network: SandboxProcess, own: OwnAccount) -> None:
    account = connecting.connect(wanted(network, own, handle="@spelt-otherwise"), by="ann", niche="coffee")
    assert (account.handle, account.status, account.niche) == (own.handle, AccountStatus.ACTIVE, "coffee")
    assert account.remote_id == own.id
    run_lanes()
    account.refresh_from_db()
    assert account.status == AccountStatus.ACTIVE


def test_a_refusal_connects_nothing(network: SandboxProcess, own: OwnAccount) -> None:
    with pytest.raises(ValidationError):
        connecting.connect(wanted(network, own, secret={"token": "wrong"}), by="ann")
    assert not Account.objects.exists()


def test_with_the_network_away_an_account_waits(network: SandboxProcess, own: OwnAccount) -> None:
    account = connecting.connect(wanted(network, own, server="http://127.0.0.1:9"), by="ann")
    assert (account.handle, account.status) == (own.handle, AccountStatus.PENDING)


def test_new_credentials_replace_the_old_once_taken(network: SandboxProcess, own: OwnAccount) -> None:
    account = connecting.connect(wanted(network, own), by="ann")
    Account.objects.filter(pk=account.pk).update(status=AccountStatus.ERROR, verified_at=None)
    connecting.reconnect(account, {"token": own.token, "note": "new"}, by="ann")
    account.refresh_from_db()
    assert account.status == AccountStatus.ACTIVE
    assert Credential.objects.get().secret["note"] == "new"


@pytest.mark.parametrize("trouble", ["refused", "somebody_else", "away"])
def test_the_old_credentials_stay_until_new_ones_are_taken(
    network: SandboxProcess, own: OwnAccount, other: OwnAccount, control: Control, trouble: str
) -> None:
    account = connecting.connect(wanted(network, own), by="ann")
    if trouble == "away":
        control.fault("error", path="/me", status=503)
    token = {"refused": "wrong", "somebody_else": other.token, "away": own.token}[trouble]
    with pytest.raises(ValidationError):
        connecting.reconnect(account, {"token": token, "note": "new"}, by="ann")
    account.refresh_from_db()
    assert Credential.objects.get().secret == {"token": own.token}
    assert (account.status, account.handle) == (AccountStatus.ACTIVE, own.handle)


def test_a_token_renewed_while_trying_is_the_one_that_is_kept(
    network: SandboxProcess, own: OwnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh token works once: what the network gave for it must not be lost between the test and the account."""

    class Renewing(SandboxChannel):
        def __init__(self, login: Login) -> None:
            super().__init__(login.server, login.secret["token"])
            self.login = login

        def verify(self) -> AccountInfo:
            renewed = self.login.renew(
                dict(self.login.secret), lambda stored: {**stored, "refresh_token": "second"}
            )
            assert self.login.renew(dict(self.login.secret), lambda stored: {}) == renewed
            return AccountInfo(own.handle, own.id)

    monkeypatch.setattr("automation.channels.sandbox.channel.connect", Renewing)
    secret = {"token": own.token, "refresh_token": "first"}
    account = connecting.connect(wanted(network, own, secret=secret), by="ann")
    assert Credential.objects.get(account=account).secret["refresh_token"] == "second"


def test_a_driver_that_cannot_be_opened_says_why(
    network: SandboxProcess, own: OwnAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(login: Login) -> None:
        raise AuthFailed("The access token has characters no token has.")

    monkeypatch.setattr("automation.channels.sandbox.channel.connect", refuse)
    with pytest.raises(ValidationError, match="characters no token has"):
        connecting.try_out(wanted(network, own))


def test_mailboxes_know_the_servers_of_their_provider() -> None:
    filled = mailboxes.completed("ann@gmail.com", {"password": "p"})
    assert (filled["smtp_host"], filled["smtp_port"], filled["imap_host"]) == (
        "smtp.gmail.com",
        "587",
        "imap.gmail.com",
    )
    assert mailboxes.completed("ann@own.example", {"password": "p"}) == {"password": "p"}
    assert mailboxes.completed("ann@own.example", {"password": "p"}, "fastmail")["smtp_security"] == "tls"
    typed = {"password": "p", "smtp_host": "mail.own.example"}
    assert mailboxes.completed("ann@gmail.com", typed) == typed
    assert "smtp_host" not in mailboxes.completed("ann@gmail.com", {"provider": "postmark"})
