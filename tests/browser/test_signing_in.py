"""A person connects an account by signing in with its network: our page, the network's page, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page, expect

from accounts.enums import AccountStatus
from accounts.models import Account, Credential
from automation.channels.instagram import client as instagram
from automation.channels.instagram import oauth as instagram_oauth
from automation.channels.x import oauth as x_oauth
from automation.channels.x import wire as x_wire
from tests.channels.instagram.server import GraphServer
from tests.channels.mastodon.conftest import MockServer
from tests.channels.x.server import XServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Place:
    """A network to sign in with: what its form asks for, its yes and its no, and whose account it is then."""

    network: str
    label: str
    handle: str
    yes: Callable[[Page], object]
    no: Callable[[Page], object] | None = None
    fields: dict[str, str] = field(default_factory=dict)
    token: str = "access_token"


@pytest.fixture(params=["mastodon", "x", "instagram"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    yield from PLACES[request.param](tmp_path, monkeypatch)


def _mastodon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    server = MockServer(tmp_path)
    yield Place(
        "mastodon", "Mastodon", "ada", lambda page: page.get_by_role("button", name="@ada").click(),
        fields={"server": server.url}, token="token",
    )  # fmt: skip
    server.stop()


def _x(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    server = XServer()
    monkeypatch.setattr(x_wire, "ADDRESS", server.url)
    monkeypatch.setattr(x_oauth, "AUTHORIZE", f"{server.url}/i/oauth2/authorize")
    yield Place(
        "x", "X", "ada", _press("Yes"), _press("No"), {"client_id": "app-1", "client_secret": "canary-1"}
    )
    server.stop()


def _instagram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    server = GraphServer()
    for module, name in (
        (instagram, "ADDRESS"), (instagram_oauth, "ADDRESS"), (instagram_oauth, "EXCHANGE"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, server.url)
    monkeypatch.setattr(instagram.base_of, "__defaults__", (server.url,))
    monkeypatch.setattr(instagram_oauth, "AUTHORIZE", f"{server.url}/oauth/authorize")
    fields = {"client_id": "app-2", "client_secret": "canary-2"}
    yield Place("instagram", "Instagram", "roast", _press("Yes"), _press("No"), fields)
    server.stop()


PLACES = {"mastodon": _mastodon, "x": _x, "instagram": _instagram}


def _press(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_role("link", name=name).click()


def _log_in(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()


def _sign_in(page: Page, place: Place) -> None:
    """From our page to the network's."""
    page.goto(f"/admin/accounts/account/add/?network={place.network}")
    form = page.locator("form[action*='/sign-in/']")
    for name, value in place.fields.items():
        form.locator(f"[name={name}]").fill(value)
    form.get_by_role("button", name=f"Sign in with {place.label}").click()


@pytest.fixture
def ann() -> Any:
    return get_user_model().objects.create_superuser("ann", password="correct horse")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_person_signs_in_and_the_account_is_connected(
    browser: Any, live_server: Any, ann: Any, place: Place, size: dict[str, int], tmp_path: Path
) -> None:
    def visit(page: Page) -> None:
        _log_in(page)
        _sign_in(page, place)
        place.yes(page)
        expect(page.get_by_text("is connected.")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        page.screenshot(path=str(tmp_path / f"{place.network}-connected.png"))

    browser.run(visit, base_url=live_server.url, viewport=size)
    account = Account.objects.get()
    assert (account.network, account.handle, account.status) == (
        place.network,
        place.handle,
        AccountStatus.ACTIVE,
    )
    assert Credential.objects.get().secret[place.token]


def test_a_person_who_says_no_is_told_and_nothing_is_connected(
    browser: Any, live_server: Any, ann: Any, place: Place
) -> None:
    if place.no is None:
        place.no = lambda page: page.goto(
            _back(page, error="access_denied", error_description="The person said no")
        )

    def visit(page: Page) -> None:
        _log_in(page)
        _sign_in(page, place)
        assert place.no is not None
        place.no(page)
        expect(page.get_by_text("did not let us in: The person said no")).to_be_visible()

    browser.run(visit, base_url=live_server.url)
    assert not Account.objects.exists()


def test_a_forged_return_connects_nothing(browser: Any, live_server: Any, ann: Any, place: Place) -> None:
    """Somebody else's code under a state that was not begun here; then the real one, which is used up."""

    def visit(page: Page) -> None:
        _log_in(page)
        _sign_in(page, place)
        real = _back(page, code="anything")
        page.goto(_back(page, code="stolen", state="forged"))
        expect(page.get_by_text("not begun here")).to_be_visible()
        page.goto(real)
        expect(page.get_by_text("not begun here")).to_be_visible()

    browser.run(visit, base_url=live_server.url)
    assert not Account.objects.exists()


def _back(page: Page, **answer: str) -> str:
    """The address the network's page would send the person back to."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    assert query["code_challenge_method"] == "S256" if "code_challenge" in query else True
    given = {"state": query["state"], **answer}
    return query["redirect_uri"] + "?" + "&".join(f"{name}={value}" for name, value in given.items())
