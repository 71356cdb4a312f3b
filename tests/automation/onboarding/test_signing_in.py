"""Signing in with a network in the browser, from the button to the account."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.enums import AccountStatus
from accounts.models import Account, Credential
from automation.channels import registry
from automation.channels.base import AccountInfo, AuthFailed
from automation.channels.oauth import App, Begun, code_of
from automation.onboarding import connecting, signing_in
from automation.onboarding.connecting import Tried, Wanted
from tests.factories import make_account, make_lane

pytestmark = pytest.mark.django_db
BACK = "https://outreach.example/admin/accounts/account/signed-in/sandbox/"
SERVER = "https://s.example"
WHO = AccountInfo("roast", "r-1", "Roast")


class FakeOAuth:
    """A network's sign-in that checks the state as the real ones do."""

    def begin(self, app: App, *, server: str = "", proxy: str = "") -> Begun:
        return Begun(
            f"{server}/authorize?state=state-canary-1&redirect_uri={app.redirect_uri}",
            {"state": "state-canary-1", "verifier": "verifier-canary"},
        )

    def finish(
        self,
        app: App,
        keep: Mapping[str, str],
        answer: Mapping[str, str],
        *,
        server: str = "",
        proxy: str = "",
    ) -> dict[str, Any]:
        assert keep["verifier"] == "verifier-canary"
        return {"token": f"token-of-{code_of(keep, answer)}", "client_id": app.client_id}


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "oauth_of", lambda name: FakeOAuth() if name == "sandbox" else None)
    monkeypatch.setattr(connecting, "try_out", lambda wanted: Tried(WHO, wanted.server, dict(wanted.secret)))


def begin(**given: Any) -> signing_in.Start:
    return signing_in.begin(**{"network": "sandbox", "redirect_uri": BACK, "server": SERVER, **given})


def finish(luggage: str, **answer: str) -> Account:
    return signing_in.finish(
        luggage, {"state": "state-canary-1", "code": "c", **answer}, network="sandbox", by="ann"
    )


def test_the_way_there_and_back_connects_an_account() -> None:
    start = begin(client_id="app-1", client_secret="canary-55")
    assert start.url.startswith(f"{SERVER}/authorize?state=state-canary-1")
    for hidden in ("canary-55", "verifier-canary", "state-canary-1"):
        assert hidden not in start.luggage, "it is encrypted"
    account = finish(start.luggage)
    assert (account.handle, account.status, account.server) == ("roast", AccountStatus.ACTIVE, SERVER)
    assert Credential.objects.get().secret == {"token": "token-of-c", "client_id": "app-1"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [({"state": "forged"}, "not begun here"), ({"code": "", "error": "access_denied"}, "denied"), ({"state": ""}, "Begin")],
)  # fmt: skip
def test_a_return_that_is_not_ours_connects_nothing(answer: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        finish(begin().luggage, **answer)
    assert not Account.objects.exists()


@pytest.mark.parametrize("luggage", ["", "nonsense"])
def test_a_return_without_a_beginning_is_refused(luggage: str) -> None:
    with pytest.raises(ValidationError, match="Begin again"):
        finish(luggage)


def test_a_return_after_a_quarter_of_an_hour_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    start, began = begin(), time.time()
    monkeypatch.setattr(signing_in.time, "time", lambda: began + signing_in.LASTS + 1)
    with pytest.raises(ValidationError, match="too long ago"):
        finish(start.luggage)


def test_a_return_for_another_network_is_refused() -> None:
    with pytest.raises(ValidationError, match="not begun here"):
        signing_in.finish(begin().luggage, {}, network="mastodon", by="ann")


def test_a_network_without_it_says_so() -> None:
    with pytest.raises(ValidationError, match="in the browser"):
        begin(network="mastodon")


def test_an_account_signs_in_again_with_its_own_app_and_server() -> None:
    account = make_account(
        remote_id="r-1", handle="roast", server=SERVER, secret={"token": "old", "client_id": "app-9"}
    )
    make_lane(account)
    again = finish(begin(account=account, server="https://elsewhere.example").luggage)
    assert again.pk == account.pk
    assert Credential.objects.get().secret == {"token": "token-of-c", "client_id": "app-9"}


def test_somebody_elses_sign_in_leaves_the_old_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    account = make_account(remote_id="r-2", server=SERVER, secret={"token": "old"})
    with pytest.raises(ValidationError, match="another account"):
        finish(begin(account=account).luggage)
    assert Credential.objects.get().secret == {"token": "old"}


def test_a_refused_code_leaves_the_old_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    account = make_account(
        remote_id="r-1", server=SERVER, secret={"token": "old", "refresh_token": "keep-me"}
    )

    def refuse(wanted: Wanted) -> Tried:
        raise ValidationError({"secret": "No."})

    monkeypatch.setattr(connecting, "try_out", refuse)
    with pytest.raises(ValidationError):
        finish(begin(account=account).luggage)
    assert Credential.objects.get().secret["refresh_token"] == "keep-me"


def test_a_refusal_of_the_network_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(FakeOAuth):
        def finish(self, *_: Any, **__: Any) -> dict[str, Any]:
            raise AuthFailed("The code was used before.")

    start = begin()
    monkeypatch.setattr(registry, "oauth_of", lambda name: Refusing())
    with pytest.raises(ValidationError, match="used before"):
        finish(start.luggage)
