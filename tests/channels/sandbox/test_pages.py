"""The HTML pages: well-formed, escaped, and acting through the same gate and ledger as the API."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from uuid import uuid4

import httpx
import pytest

from automation.channels.base import Act, Channel
from automation.channels.sandbox.channel import connect
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


def test_people_are_found_by_handle_and_by_words(logged_in: httpx.Client, person: SyntheticPerson) -> None:
    found = Page(logged_in.get("/search", params={"q": person.handle}).text)
    assert f"/@{person.handle}" in [attrs.get("href") for _, attrs in found.tags]
    nobody = Page(logged_in.get("/search", params={"q": "<b>nobody</b>"}).text)
    assert not [attrs for tag, attrs in nobody.tags if tag == "li"]


def test_list_of_followers_goes_on_to_its_end(
    logged_in: httpx.Client, control: Control, person: SyntheticPerson
) -> None:
    followers = control.accounts()[:25]
    for own in followers:
        connect(own.login(control.url)).follow(Act("follow", uuid4(), handle=person.handle))
    address, shown, pages = f"/@{person.handle}/followers", [], 0
    while address:
        page = Page(logged_in.get(address).text)
        shown += [attrs.get("href") for tag, attrs in page.tags if tag == "a"]
        address = next((attrs["href"] or "" for _, attrs in page.tags if attrs.get("rel") == "next"), "")
        pages += 1
    assert pages > 1
    assert {f"/@{own.handle}" for own in followers} <= set(shown)


def test_thread_shows_both_sides_to_us_and_to_nobody_else(
    logged_in: httpx.Client, control: Control, person: SyntheticPerson, account: OwnAccount, channel: Channel
) -> None:
    channel.message(dm(person, "Our <i>question</i>"))
    control.say(person.handle, "Their answer", account=account.handle)
    page = logged_in.get(f"/messages/{person.handle}")
    Page(page.text)
    assert page.text.index("Our &lt;i&gt;question") < page.text.index("Their answer")
    with httpx.Client(base_url=control.url, follow_redirects=True, trust_env=False) as stranger:
        assert stranger.get(f"/messages/{person.handle}").url.path == "/login"
        assert stranger.get("/notifications").url.path == "/login"


def test_notifications_are_newest_first_and_lead_back_to_the_oldest(
    logged_in: httpx.Client, control: Control, person: SyntheticPerson, account: OwnAccount
) -> None:
    ids = [control.say(person.handle, f"Number {number}", account=account.handle) for number in range(45)]
    address, shown = "/notifications", []
    while address:
        page = Page(logged_in.get(address).text)
        shown += [attrs["data-id"] for tag, attrs in page.tags if tag == "li"]
        address = next((attrs["href"] or "" for _, attrs in page.tags if attrs.get("rel") == "next"), "")
    assert shown[:45] == ids[::-1]


def test_ended_session_needs_a_new_login(
    logged_in: httpx.Client, control: Control, account: OwnAccount
) -> None:
    control.sign_out(account.handle)
    assert "@" + account.handle not in logged_in.get("/").text
    logged_in.post("/login", data={"handle": account.handle, "password": account.password})
    assert "@" + account.handle in logged_in.get("/").text


def test_liked_post_offers_no_second_like(
    logged_in: httpx.Client, channel: Channel, control: Control
) -> None:
    path = f"/post/{_post_of_somebody(channel, control)}"
    csrf = Page(logged_in.get(path).text).field("csrf")
    assert "Liked" in logged_in.post(f"{path}/like", data={"csrf": csrf}).text
