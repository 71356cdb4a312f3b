"""Reading websites: politely, within limits, never inside."""

from __future__ import annotations

import gzip
import time
from typing import Any

import pytest

from automation.browser.work import OpenDesk
from automation.discovery import websites
from automation.discovery.websites import fetching, reading, robots
from tests.automation.browser.serving import Serving
from tests.automation.discovery.websites.conftest import Answer, Site

HOME = (
    "<html lang='de'><title>Bäckerei Huber</title>"
    "<p>Brot seit 1950. Fragen an info@huber-brot.de, gern auch am Sonntag.</p></html>"
)
BY_SCRIPT = (
    "<html><title>App</title><div id=root></div><script>"
    "fetch('/track', {method: 'POST', body: 'seen'}).catch(() => 0);"
    "fetch('/words').then(a => a.text()).then(t => { document.getElementById('root').textContent = t; });"
    "</script></html>"
)


def read(site: Site, path: str = "/", **options: Any) -> websites.Page:
    return websites.read(f"{site.url}{path}", browser=False, **options)


def test_page_is_read_under_our_own_name(site: Site, settings: Any) -> None:
    settings.WEBSITE_CONTACT = "https://example.org/contact"
    site.page("/", HOME)
    page = read(site)
    assert (page.title, page.language, page.emails) == ("Bäckerei Huber", "de", ("info@huber-brot.de",))
    assert "Brot seit 1950." in page.text
    assert {agent for *_, agent in site.asked} == {"OutreachBot/1.0 (+https://example.org/contact)"}


@pytest.mark.parametrize("path", ["/private/page", "/secret.html"])
def test_page_that_robots_may_not_read_is_not_asked_for(site: Site, path: str) -> None:
    site.page(
        "/robots.txt", "User-agent: OutreachBot\nDisallow: /private/\nDisallow: /*.html$", mime="text/plain"
    )
    site.page(path, HOME)
    with pytest.raises(websites.Disallowed, match="asks robots"):
        read(site, path)
    assert site.paths == ["/robots.txt"]


def test_redirect_to_a_page_robots_may_not_read_is_not_followed(site: Site) -> None:
    site.page("/robots.txt", "User-agent: *\nDisallow: /inner", mime="text/plain")
    site.page("/", "", status=302, headers={"Location": "/inner"})
    site.page("/inner", HOME)
    with pytest.raises(websites.Disallowed):
        read(site)
    assert "/inner" not in site.paths


def test_robots_that_cannot_be_had_forbid_for_now(site: Site) -> None:
    site.page("/robots.txt", "", status=503, headers={"Retry-After": "30"})
    site.page("/", HOME)
    with pytest.raises(websites.Unreachable) as caught:
        read(site)
    assert caught.value.retry_after == 30.0
    assert site.paths == ["/robots.txt"]


def test_robots_are_asked_for_once(site: Site) -> None:
    site.page("/", HOME)
    read(site)
    read(site)
    assert site.paths == ["/robots.txt", "/", "/"]


def test_delay_between_visits_is_kept(site: Site) -> None:
    site.page("/robots.txt", "User-agent: *\nCrawl-delay: 60", mime="text/plain")
    site.page("/", "", status=301, headers={"Location": "/home"})
    site.page("/home", HOME)
    assert read(site).url.endswith("/home")  # a redirect is the same visit
    with pytest.raises(websites.Unreachable) as caught:
        read(site)
    assert 50 < (caught.value.retry_after or 0) <= 60


@pytest.mark.parametrize(
    "inside", ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data", "http://[::ffff:10.0.0.1]/"]
)
def test_redirect_into_a_private_network_is_refused(site: Site, inside: str) -> None:
    site.page("/", "", status=302, headers={"Location": inside})
    with pytest.raises(websites.Disallowed, match="private network"):
        read(site)


def test_address_inside_is_refused_before_anything_is_sent(settings: Any) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []
    for address in ("http://10.1.2.3/", "http://192.168.0.1.nip.invalid.", "http://2130706433/"):
        with pytest.raises(websites.WebsiteError):
            websites.read(address, browser=False)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ftp://example.org/",
        "javascript:alert(1)",
        "http://user:pass@example.org/",
        "localhorst",
        "http://[bad",
    ],
)
def test_what_is_no_address_is_unreadable(address: str) -> None:
    with pytest.raises(websites.Unreadable):
        websites.read(address, browser=False)


def test_redirects_without_end_end(site: Site) -> None:
    site.page("/", "", status=302, headers={"Location": "/"})
    with pytest.raises(websites.Unreachable, match="without end"):
        read(site)
    assert site.paths.count("/") == fetching.HOPS + 1


def test_big_page_is_read_as_far_as_the_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_BYTES", 5000)
    site.page("/", f"<title>Big</title><p>{'words ' * 10_000}</p>")
    page = read(site)
    assert page.is_cut
    assert page.title == "Big"
    assert len(page.text) < 5000


def test_packed_bomb_is_unpacked_as_far_as_the_limit(site: Site) -> None:
    bomb = gzip.compress(b"<title>Bomb</title>" + b" " * 300_000_000, 9)
    site.answers["/"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    page = read(site)
    assert (page.title, page.is_cut) == ("Bomb", True)


def test_unasked_packing_and_broken_packing_are_unreadable(site: Site) -> None:
    for packing in ("br", "gzip"):
        site.page("/", "not packed at all", headers={"Content-Encoding": packing})
        with pytest.raises(websites.Unreadable):
            read(site)


def test_page_that_trickles_is_given_up_in_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SECONDS", 1.5)
    site.page("/", "x" * 1000, drip=0.2)
    began = time.monotonic()
    with pytest.raises(websites.Unreachable):
        read(site)
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, websites.Unreadable), (429, websites.Unreachable), (500, websites.Unreachable)],
)
def test_status_says_whether_trying_again_helps(site: Site, status: int, error: type[Exception]) -> None:
    site.page("/", "sorry", status=status)
    with pytest.raises(error):
        read(site)


def test_what_is_no_text_is_unreadable(site: Site) -> None:
    site.page("/", "%PDF", mime="application/pdf")
    with pytest.raises(websites.Unreadable, match="application/pdf"):
        read(site)


def test_plain_text_is_read_as_it_is(site: Site) -> None:
    site.page("/", "Write to <b>us</b>: hello@huber.de", mime="text/plain; charset=utf-8")
    page = read(site)
    assert page.text == "Write to <b>us</b>: hello@huber.de"
    assert page.emails == ("hello@huber.de",)


# --- Pages that need a browser --------------------------------------------------------------------------------------
def test_page_that_is_written_by_its_scripts_is_opened_in_a_browser(
    site: Site, served: Serving, open_desk: OpenDesk
) -> None:
    site.page("/", BY_SCRIPT)
    site.page("/words", "Written by a script, mail@huber.de", mime="text/plain")
    page = websites.read(site.url)
    assert page.is_rendered
    assert "Written by a script" in page.text
    assert page.emails == ("mail@huber.de",)
    assert not [path for method, path, _ in site.asked if method == "POST"]
    assert {agent for *_, agent in site.asked} == {fetching.agent()}


def test_page_is_returned_as_it_is_where_there_is_no_browser(
    site: Site, settings: Any, tmp_path: Any, open_desk: OpenDesk
) -> None:
    settings.DATA_DIR = tmp_path
    settings.BROWSER = {**settings.BROWSER, "start_seconds": 0.1}
    site.page("/", BY_SCRIPT)
    page = websites.read(site.url)
    assert (page.title, page.is_rendered) == ("App", False)


def test_page_that_makes_sense_without_scripts_needs_no_browser(site: Site) -> None:
    site.page("/", f"<title>Old</title><script>1</script><p>{'Enough words. ' * 30}</p>")
    assert not websites.read(site.url).is_rendered


def test_rules_of_many_sites_are_not_kept_for_ever(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robots, "KEPT", 2)
    monkeypatch.setattr(robots, "_read", lambda origin: robots.Protego.parse(""))
    for number in range(5):
        robots.Visit().check(f"http://site{number}.example/")
    assert len(robots._known) == 2
