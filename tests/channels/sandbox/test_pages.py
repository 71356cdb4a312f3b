"""The HTML pages: well-formed, escaped, and acting through the same gate and ledger as the API."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest

from automation.channels.base import Channel
from automation.channels.sandbox.control import Control, OwnAccount, SyntheticPerson
from tests.channels.sandbox.conftest import dm

VOID = {"meta", "input", "br", "link"}


class Page(HTMLParser):
    """Checks that tags close in order, and collects links and form fields."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def field(self, name: str) -> str:
        return next(
            attrs["value"] or "" for tag, attrs in self.tags if tag == "input" and attrs.get("name") == name
        )


@pytest.fixture
def browser(control: Control) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=control.url, follow_redirects=True, trust_env=False) as client:
        yield client


@pytest.fixture
def logged_in(browser: httpx.Client, account: OwnAccount) -> httpx.Client:
    page = browser.post("/login", data={"handle": account.handle, "password": account.password})
    assert page.status_code == 200
    assert f"@{account.handle}" in page.text
    return browser


def _post_of_somebody(channel: Channel, control: Control) -> str:
    profiles = (channel.profile(one.handle) for one in control.people())
    return next(profile.posts[0].remote_id for profile in profiles if profile.posts)


def test_wrong_password_is_refused(browser: httpx.Client, account: OwnAccount) -> None:
    page = browser.post("/login", data={"handle": account.handle, "password": "guess"})
    assert page.status_code == 401
    assert not browser.cookies
    Page(page.text)


def test_every_page_is_well_formed(
    logged_in: httpx.Client, channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    for path in ("/", "/login", f"/@{person.handle}", f"/post/{_post_of_somebody(channel, control)}"):
        page = logged_in.get(path)
        assert page.status_code == 200
        Page(page.text)
    assert logged_in.get("/@nobody").status_code == 404


def test_reply_form_replies_once_and_shows_it(
    logged_in: httpx.Client, channel: Channel, control: Control, account: OwnAccount
) -> None:
    path = f"/post/{_post_of_somebody(channel, control)}"
    csrf = Page(logged_in.get(path).text).field("csrf")
    before = control.summary().total
    nasty = '<script>alert(1)</script> & "quotes" \x00\r\nnew line'
    shown = logged_in.post(f"{path}/reply", data={"csrf": csrf, "text": nasty})
    assert shown.url.path == path
    Page(shown.text)
    assert "<script" not in shown.text
    assert "&lt;script&gt;" in shown.text
    act = control.ledger()[-1]
    assert control.summary().total == before + 1
    assert (act.account, act.kind, act.text) == (account.handle, "reply", nasty.replace("\r\n", "\n"))


def test_message_and_follow_forms_act(
    logged_in: httpx.Client, control: Control, person: SyntheticPerson, account: OwnAccount
) -> None:
    csrf = Page(logged_in.get(f"/@{person.handle}").text).field("csrf")
    logged_in.post(
        f"/profile/{person.id}/message", data={"csrf": csrf, "text": "Hi", "send_id": "from-a-form"}
    )
    page = logged_in.post(f"/profile/{person.id}/follow", data={"csrf": csrf})
    assert "Unfollow" in page.text
    message, follow = control.ledger()[-2:]
    assert (message.kind, message.person, message.send_id) == ("dm", person.handle, "from-a-form")
    assert (follow.kind, follow.account) == ("follow", account.handle)


def test_form_without_its_csrf_token_does_nothing(
    logged_in: httpx.Client, control: Control, person: SyntheticPerson
) -> None:
    before = control.summary().total
    assert logged_in.post(f"/profile/{person.id}/follow", data={"csrf": "guess"}).status_code == 403
    assert control.summary().total == before


def test_stranger_is_led_to_the_login(
    browser: httpx.Client, control: Control, person: SyntheticPerson
) -> None:
    before = control.summary().total
    assert browser.post(f"/profile/{person.id}/follow").url.path == "/login"
    assert control.summary().total == before


def test_faults_hit_forms_too(logged_in: httpx.Client, control: Control, person: SyntheticPerson) -> None:
    csrf = Page(logged_in.get(f"/@{person.handle}").text).field("csrf")
    control.fault("drop", kind="dm", count=1)
    before = control.summary().total
    with pytest.raises(httpx.RemoteProtocolError):
        logged_in.post(f"/profile/{person.id}/message", data={"csrf": csrf, "text": "Hi"})
    assert control.summary().total == before + 1


def test_text_that_people_wrote_is_escaped_on_profiles(
    logged_in: httpx.Client, channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    control.say(person.handle, "<img src=x onerror=alert(1)>", post_id=_post_of_somebody(channel, control))
    channel.message(dm(person, "<b>not shown</b>"))
    page = logged_in.get(f"/post/{_post_of_somebody(channel, control)}")
    assert "<img" not in page.text
    assert "&lt;img" in page.text
