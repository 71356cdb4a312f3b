"""Connecting accounts in the admin: form, test, signing in, new credentials, lists."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.enums import AccountStatus
from accounts.models import Account, Credential
from automation.channels import registry
from automation.channels.base import AccountInfo
from automation.channels.oauth import App, Begun, code_of
from automation.enums import HandleState, OnboardingState, RowState
from automation.models import HandleCheck, OnboardingRow, OnboardingRun
from automation.onboarding import connecting
from automation.onboarding.connecting import NotReached, Tried, Wanted
from monitoring.models import Event
from tests.admin.doing import act
from tests.factories import make_account, make_lane
from tests.log_lines import as_written

pytestmark = pytest.mark.django_db
CANARY = "canary-7f31"
ADD = "/admin/accounts/account/add/?network=sandbox"
TRY = "/admin/accounts/account/try/?network=sandbox"
SIGN_IN, BACK = "/admin/accounts/account/sign-in/sandbox/", "/admin/accounts/account/signed-in/sandbox/"
FORM = {
    "handle": "@roast", "server": "https://s.example", "secret_token": CANARY, "role": "outreach", "time_zone": "UTC",
}  # fmt: skip


class Asked(list[Wanted]):
    """What the network was asked; ``answer`` is who it says it is, or what it refuses with."""

    answer: AccountInfo | ValidationError = AccountInfo("roast", "r-1", "Roastery")


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    seen = Asked()

    def try_out(wanted: Wanted) -> Tried:
        seen.append(wanted)
        if isinstance(seen.answer, ValidationError):
            raise seen.answer
        return Tried(seen.answer, wanted.server, {**wanted.secret, "renewed": len(seen)})

    monkeypatch.setattr(connecting, "try_out", try_out)
    return seen


class FakeOAuth:
    def begin(self, app: App, *, server: str = "", proxy: str = "") -> Begun:
        return Begun(f"{server}/authorize", {"state": "s1"})

    def finish(
        self,
        app: App,
        keep: Mapping[str, str],
        answer: Mapping[str, str],
        *,
        server: str = "",
        proxy: str = "",
    ) -> dict[str, Any]:
        return {"token": code_of(keep, answer)}


@pytest.fixture
def signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "oauth_of", lambda name: FakeOAuth())


def messages(answer: Any) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


def test_network_is_chosen_first(administrator: Client) -> None:
    page = administrator.get("/admin/accounts/account/add/").content.decode()
    assert "?network=sandbox" in page


def test_test_button_asks_the_network_and_saves_nothing(administrator: Client, asked: Asked) -> None:
    answer = administrator.post(TRY, FORM).content.decode()
    assert "Sandbox knows it as roast (Roastery). Nothing was saved yet." in answer
    assert asked[0].handle == "@roast"
    assert not Account.objects.exists()
    assert CANARY not in answer
    assert CANARY not in str(dict(administrator.session))


@pytest.mark.parametrize(
    ("refusal", "colour"),
    [
        (ValidationError({"secret": "No <b>token</b>."}), "red"),
        (NotReached({"server": "No <b>answer</b>."}), "amber"),
    ],
)
def test_test_button_shows_what_the_network_says(
    administrator: Client, asked: Asked, refusal: ValidationError, colour: str
) -> None:
    asked.answer = refusal
    answer = administrator.post(TRY, FORM).content.decode()
    assert f"o-{colour}" in answer
    assert "&lt;b&gt;" in answer


def test_form_connects_an_account_with_what_the_test_gave(administrator: Client, asked: Asked) -> None:
    administrator.post(TRY, FORM)
    administrator.post(ADD, FORM)
    account = Account.objects.get()
    assert (account.handle, account.status) == ("roast", AccountStatus.ACTIVE)
    assert len(asked) == 1, "what was tested a moment ago is not asked again"
    assert Credential.objects.get().secret == {"token": CANARY, "renewed": 1}


def test_form_that_changed_since_its_test_is_asked_again(administrator: Client, asked: Asked) -> None:
    administrator.post(TRY, FORM)
    administrator.post(ADD, {**FORM, "secret_token": "other"})
    assert len(asked) == 2
    assert Credential.objects.get().secret["token"] == "other"


def test_form_shows_a_refusal_and_connects_nothing(administrator: Client, asked: Asked) -> None:
    asked.answer = ValidationError({"secret": "The network knows no such token."})
    answer = administrator.post(ADD, FORM)
    assert "The network knows no such token." in answer.content.decode()
    assert not Account.objects.exists()


def test_code_that_comes_back_is_in_no_log_line(
    administrator: Client, signs_in: None, caplog: pytest.LogCaptureFixture
) -> None:
    administrator.post(SIGN_IN, {"server": "https://s.example"})
    with caplog.at_level(logging.DEBUG):
        administrator.get(BACK, {"state": "s1", "code": CANARY})
    lines = as_written(caplog.records)
    assert "signed-in/sandbox" in lines
    assert CANARY not in lines


def test_nobody_but_administrators_tries_or_connects(
    operator: Client, viewer: Client, outsider: Client
) -> None:
    for client, status in ((operator, 403), (viewer, 403), (outsider, 302)):
        for path in (TRY, SIGN_IN):
            assert client.post(path, FORM).status_code == status
        assert client.get(BACK).status_code == status
    assert not Account.objects.exists()


def test_sign_in_goes_there_and_back(administrator: Client, signs_in: None) -> None:
    away = administrator.post(SIGN_IN, {"server": "https://s.example"})
    assert away["Location"] == "https://s.example/authorize"
    answer = administrator.get(BACK, {"state": "s1", "code": CANARY}, follow=True)
    assert "is connected." in messages(answer)
    assert Account.objects.get().handle == "roast"
    again = administrator.get(BACK, {"state": "s1", "code": CANARY}, follow=True)
    assert "Begin again." in messages(again)
    assert not any(CANARY in str(event.data) for event in Event.objects.all())


def test_sign_in_begun_by_somebody_else_is_refused(
    administrator: Client, operator: Client, signs_in: None
) -> None:
    """The state is bound to the session it was begun in."""
    administrator.post(SIGN_IN, {"server": "https://s.example"})
    stranger = Client()
    stranger.force_login(User.objects.create_superuser("other", password=None))
    answer = stranger.get(BACK, {"state": "s1", "code": "c"}, follow=True)
    assert "Begin again." in messages(answer)
    assert not Account.objects.exists()


def test_sign_in_of_an_account_again_keeps_it(administrator: Client, signs_in: None) -> None:
    account = make_account(handle="roast", remote_id="r-1", server="https://own.example")
    make_lane(account)
    assert (
        "Sign in again"
        in administrator.get(reverse("admin:accounts_account_change", args=[account.pk])).content.decode()
    )
    away = administrator.post(SIGN_IN, {"account": account.pk, "server": "https://elsewhere.example"})
    assert away["Location"] == "https://own.example/authorize"
    administrator.get(BACK, {"state": "s1", "code": "c"})
    assert Account.objects.count() == 1
    assert Credential.objects.get().secret["token"] == "c"


def test_new_credentials_are_tried_first(administrator: Client, asked: Asked) -> None:
    account = make_account(handle="roast", remote_id="r-1", secret={"token": "old"})
    make_lane(account)
    asked.answer = ValidationError({"secret": "No such token."})
    act(administrator, "accounts_account", account.pk, "credentials", secret_token="new")
    assert Credential.objects.get().secret == {"token": "old"}
    asked.answer = AccountInfo("roast", "r-1")
    act(administrator, "accounts_account", account.pk, "credentials", secret_token="new")
    assert Credential.objects.get().secret["token"] == "new"


def upload(client: Client, text: str) -> Any:
    file = SimpleUploadedFile("accounts.csv", text.encode(), "text/csv")
    return client.post("/admin/automation/onboardingrun/add/", {"file": file, "at_once": 3}, follow=True)


def test_list_of_accounts_is_uploaded_and_followed(administrator: Client) -> None:
    answer = upload(
        administrator, f"network,handle,server,token\nsandbox,a,https://h.example,{CANARY}\nsandbox,,,\n"
    )
    run = OnboardingRun.objects.get()
    assert run.created_by
    assert list(run.rows.values_list("state", flat=True)) == [RowState.QUEUED, RowState.FAILED]
    assert CANARY not in answer.content.decode()
    page = administrator.get(f"/admin/automation/onboardingrun/{run.pk}/change/").content.decode()
    assert "The handle is missing." in page
    piece = administrator.get(f"/admin/automation/onboardingrun/{run.pk}/progress/").content.decode()
    assert "50 % done" in piece
    assert "every 2s" in piece
    file = administrator.get(f"/admin/automation/onboardingrun/{run.pk}/failed.csv")
    assert "The handle is missing." in b"".join(file.streaming_content).decode()


def test_list_that_is_no_list_says_why(administrator: Client) -> None:
    assert "names no column handle" in upload(administrator, "network,token\n").content.decode()
    assert not OnboardingRun.objects.exists()


def test_list_is_stopped_and_goes_on(administrator: Client, operator: Client, viewer: Client) -> None:
    run = OnboardingRun.objects.create(name="a.csv")
    OnboardingRow.objects.create(run=run, number=2, network="nowhere", handle="x")
    act(viewer, "automation_onboardingrun", run.pk, "stop")
    run.refresh_from_db()
    assert run.state == OnboardingState.RUNNING
    act(operator, "automation_onboardingrun", run.pk, "stop")
    run.refresh_from_db()
    assert run.state == OnboardingState.STOPPED
    act(operator, "automation_onboardingrun", run.pk, "go-on")
    run.refresh_from_db()
    assert run.state == OnboardingState.RUNNING


def test_files_of_failed_rows_are_for_those_who_may_see_runs(viewer: Client, outsider: Client) -> None:
    run = OnboardingRun.objects.create(name="a.csv")
    for piece in ("failed.csv", "progress/"):
        assert viewer.get(f"/admin/automation/onboardingrun/{run.pk}/{piece}").status_code == 200
        assert outsider.get(f"/admin/automation/onboardingrun/{run.pk}/{piece}").status_code == 302
        assert viewer.get(f"/admin/automation/onboardingrun/999999/{piece}").status_code == 404


def test_handles_are_looked_up_and_shown(operator: Client) -> None:
    answer = operator.post(
        "/admin/automation/handlecheck/add/", {"brand": "Blue Kettle", "networks": ["sandbox"]}, follow=True
    )
    check = HandleCheck.objects.get()
    assert set(check.results.values_list("state", flat=True)) == {HandleState.UNCLEAR}
    assert answer.status_code == 200
    page = operator.get(f"/admin/automation/handlecheck/{check.pk}/change/").content.decode()
    assert "bluekettle" in page
    assert "No account of ours on this network works" in page


def test_accounts_page_and_list_show_health(viewer: Client) -> None:
    account = make_account(
        health="throttled", health_reason="Of the last 50 tasks 20 were refused by the network."
    )
    make_lane(account)
    for path in ("/admin/accounts/account/", f"/admin/accounts/account/{account.pk}/change/"):
        page = viewer.get(path).content.decode()
        assert "Throttled" in page
        assert "20 were refused" in page
    assert "No account" not in viewer.get("/admin/accounts/account/?health__exact=throttled").content.decode()
