"""Site files: what is wrong in one is said with its place and a remedy."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from automation.channels.base import AuthFailed, Login, NotFound, TryLater
from automation.channels.web import CAPABILITIES, parsing, sites
from automation.channels.web.channel import connect
from automation.channels.web.parsing import SiteError
from automation.channels.web.site import address

SMALL: dict[str, Any] = {
    "name": "small",
    "title": "Small",
    "login": {"open": "/login", "viewer": {"css": "#me"}},
    "act": {
        "follow": {
            "open": "/@{handle}",
            "press": {"role": "button", "name": "Follow"},
            "done": {"role": "button", "name": "Unfollow"},
            "undone": {"role": "button", "name": "Follow"},
        }
    },
    "write": {
        "dm": {
            "open": "/to/{handle}",
            "fill": {"text": {"label": "Message"}},
            "press": {"role": "button", "name": "Send"},
            "shows": {
                "items": {"css": "li"},
                "take": {
                    "id": {"attribute": "id"},
                    "text": {"css": "p"},
                    "at": {"css": "time", "attribute": "datetime"},
                },
            },
        }
    },
}


@pytest.fixture(autouse=True)
def desk() -> None:
    """No browser is needed here."""


def changed(place: str, value: object) -> dict[str, Any]:
    """The small site with one value changed; ``None`` takes it out."""
    content = copy.deepcopy(SMALL)
    *parents, last = place.split(".")
    table = content
    for name in parents:
        table = table.setdefault(name, {})
    if value is None:
        del table[last]
    else:
        table[last] = value
    return content


def test_shipped_sites_are_usable_and_the_sandbox_does_everything() -> None:
    known, broken = sites.known()
    assert known["sandbox"].capabilities == CAPABILITIES
    assert not broken


def test_site_does_what_its_file_describes() -> None:
    site = parsing.parse(SMALL, "small.toml")
    assert site.capabilities == {"verify", "follow", "dm"}
    assert not site.states["follow"].authoritative


@pytest.mark.parametrize(
    ("place", "value", "complaint"),
    [
        ("name", None, "small.toml: name: is missing"),
        ("nmae", "x", "Did you mean name?"),
        ("hosts", "example.org", "must be a list"),
        ("seconds", 500, "between 5 and 120"),
        ("login", None, "small.toml: login: is missing"),
        ("login.fill", {"handle": {"label": "Handle"}}, "fill and press belong together"),
        ("login.viewer", {"attribute": "id"}, "says who is signed in"),
        ("act.follow.press", {"rol": "button"}, "found in one way"),
        ("act.follow.press", {"role": "button", "css": "b"}, "found in one way"),
        ("act.follow.press", {"css": "b", "name": "Follow"}, "a name goes with a role"),
        ("act.follow.press", "button", "must be a table"),
        ("act.follow.open", "https://evil.example/", "begins with one /"),
        ("act.follow.open", "//evil.example/", "begins with one /"),
        ("act.follow.open", "/{who}", "not {who}"),
        ("act.follow.authoritative", "yes", "must be a true or false"),
        ("act.follow.done", {"status": 200}, "elements of the page"),
        ("act.poke", {"open": "/"}, "act.poke: is not known here"),
        ("write.dm.fill", {"link": {"label": "Link"}}, "write.dm.fill.text: is missing"),
        ("write.dm.shows.take.at", None, "write.dm.shows.take.at: is missing"),
        ("write.dm.shows.take.id", {"css": "i", "pattern": "("}, "no regular expression"),
        ("write.dm.shows.take.id", {"css": "i", "pattern": "x"}, "exactly one group"),
        ("write.dm.shows.take.id", {"css": "i", "zone": "Mars"}, "is no time zone"),
        ("read", {"profile": {"open": "/", "take": {"handle": {"css": "b"}}}}, "read.profile.take.id: is missing"),
        ("missing", [{"status": "404"}], "missing[1].status: must be a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(place: str, value: object, complaint: str) -> None:
    with pytest.raises(SiteError) as caught:
        parsing.parse(changed(place, value), "small.toml")
    assert complaint in str(caught.value)


def test_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("name = ")
    with pytest.raises(SiteError, match=r"mine\.toml cannot be read"):
        parsing.load(file)


BROKEN = {
    "not there": ('title = "Sandbox"', "", "sandbox.toml: title: is missing."),
    "misspelt": ("authoritative = true", "authoritatif = true", "authoritatif: is not known here"),
    "inline": ('press = { role = "button", name = "Log in" }', 'press = { rol = "button" }', "login.press: "),
    "list": ("missing = [{ status = 404 }]", 'missing = [{ status = "404" }]', "missing[1].status: "),
    "lacking": ('open = "/search?q={query}"', "", "read.search.open: is missing."),
}


@pytest.mark.parametrize("case", BROKEN)
def test_error_in_a_file_names_the_line(tmp_path: Path, case: str) -> None:
    right, wrong, complaint = BROKEN[case]
    text = (sites.SHIPPED / "sandbox.toml").read_text()
    number = text[: text.index(right)].count("\n") + 1
    file = tmp_path / "sandbox.toml"
    file.write_text(text.replace(right, wrong, 1))
    with pytest.raises(SiteError) as caught:
        parsing.load(file)
    said = str(caught.value)
    assert complaint in said
    # No line says what is not there: then it is the one that opens the table, or none at all.
    expected = {"not there": "sandbox.toml: ", "lacking": f"sandbox.toml, line {number - 1}: "}
    assert said.startswith(expected.get(case, f"sandbox.toml, line {number}: "))


def test_own_file_comes_before_the_shipped_one_and_is_read_again_when_it_changes(
    tmp_path: Path, settings: Any
) -> None:
    settings.WEB_SITES_DIR = str(tmp_path)
    shipped = (sites.SHIPPED / "sandbox.toml").read_text()
    own = tmp_path / "own.toml"
    own.write_text(shipped.replace('title = "Sandbox"', 'title = "Mine"'))
    assert sites.of("http://127.0.0.1:1").title == "Mine"
    own.write_text(shipped.replace('title = "Sandbox"', 'title = "Mine, mended"'))
    assert sites.of("http://127.0.0.1:1").title == "Mine, mended"


def test_broken_file_harms_no_other_site_and_turns_nobody_away(tmp_path: Path, settings: Any) -> None:
    settings.WEB_SITES_DIR = str(tmp_path)
    (tmp_path / "forum.toml").write_text('name = "forum"')
    assert sites.of("http://127.0.0.1:1").name == "sandbox"
    with pytest.raises(TryLater, match=r"forum\.toml: title: is missing"):
        connect(Login(1, "ada", "https://forum.example.org"))
    (tmp_path / "forum.toml").unlink()
    with pytest.raises(AuthFailed, match=r"describes forum\.example\.org"):
        connect(Login(1, "ada", "https://forum.example.org"))


@pytest.mark.parametrize(
    ("host", "pattern", "fits"),
    [
        ("example.org", "example.org", True),
        ("www.example.org", "example.org", False),
        ("www.example.org", "*.example.org", True),
        ("example.org", "*.example.org", False),
        ("evilexample.org", "*.example.org", False),
        ("::1", "[::1]", True),
    ],
)
def test_hosts_are_told_apart(host: str, pattern: str, fits: bool) -> None:
    assert sites.matches(host, pattern) is fits


def test_values_in_addresses_stay_one_part_of_them() -> None:
    assert address("/@{handle}/x", {"handle": "a/../b?c#d"}) == "/@a%2F..%2Fb%3Fc%23d/x"
    for value in ("", ".", ".."):
        with pytest.raises(NotFound, match="post id"):
            address("/post/{post_id}", {"post_id": value})
