"""What goes out: websites, pictures and name servers, all of them real and on loopback."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from automation import enrichment
from automation.channels.email.nameservers import resolver_of
from automation.enrichment import running, taking
from automation.enrichment.steps import avatar, mailserver
from automation.enums import EnrolmentState, Reason, TaskState
from automation.models import Avatar, Enrichment
from leads.models import Profile
from tests.automation.discovery.websites.conftest import Answer, Site
from tests.automation.enrichment.conftest import LONG_AGO, row_of, standing
from tests.channels.email import test_domain
from tests.factories import make_campaign, make_enrolment, make_picture, make_profile, make_task

pytestmark = pytest.mark.django_db
server = test_domain.server


@pytest.fixture
def names(server: test_domain.NameServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A name server in the place of the machine's, and nothing known yet."""
    monkeypatch.setattr("automation.channels.email.nameservers.SECONDS", 0.3)
    monkeypatch.setattr(mailserver, "resolver", lambda: resolver_of(["127.0.0.1"], server.port))
    mailserver._known.clear()
    yield server
    mailserver._known.clear()


def everything() -> None:
    """All that is due, what is found out of it included."""
    while enrichment.run() + enrichment.run_online():
        pass


def test_address_on_their_website_becomes_the_persons(site: Site, names: Any) -> None:
    site.page("/", "<html lang=de><title>Halle</title><a href='mailto:Ann@Halle.Test'>Mail</a>" + "x " * 200)
    names.zone = {("halle.test.", "MX"): ["10 mx.halle.test."]}
    profile = make_profile(bio=f"See {site.url}/.", url="https://network.example/@ann")
    everything()

    email = Profile.objects.get(handle="ann@halle.test")
    assert (email.person_id, email.found_via) == (profile.person_id, "website 127.0.0.1")
    assert (email.mail_verdict, email.mail_note) == ("good", "Its domain takes mail.")
    assert row_of(profile).facts["website"] == {
        "url": f"{site.url}/", "title": "Halle", "language": "de", "emails": ["ann@halle.test"],
    }  # fmt: skip
    assert row_of(profile).online_at is None


def test_site_that_does_not_answer_is_tried_later(site: Site) -> None:
    site.answers["/"] = Answer(b"", status=503, headers={"Retry-After": "3600"})
    profile = make_profile(website=f"{site.url}/")
    everything()

    row = row_of(profile)
    assert row.steps["website"]["s"] == "waiting"
    assert row.online_at is not None
    assert standing(profile)["language"] == "skipped"


def test_site_that_asks_us_to_stay_away_is_left_alone(site: Site) -> None:
    site.page("/robots.txt", "User-agent: *\nDisallow: /", mime="text/plain")
    profile = make_profile(website=f"{site.url}/me")
    everything()
    assert standing(profile)["website"] == "skipped"
    assert "/me" not in site.paths


def test_picture_is_kept_small_and_goes_with_its_person(site: Site) -> None:
    site.answers["/a.png"] = Answer(make_picture(900, 600), mime="image/png")
    profile = make_profile(avatar_url=f"{site.url}/a.png")
    everything()

    picture = Avatar.objects.get(pk=profile.pk)
    seen = Image.open(io.BytesIO(bytes(picture.content)))
    assert (seen.format, seen.size, picture.mime) == ("WEBP", (400, 400), "image/webp")
    profile.person.delete()
    assert not Avatar.objects.exists()
    assert not Enrichment.objects.exists()


def test_new_picture_takes_the_place_of_the_old(site: Site) -> None:
    site.answers["/a.png"] = Answer(make_picture(500, 500), mime="image/png")
    other = io.BytesIO()
    Image.new("L", (500, 500), 7).save(other, "JPEG")
    site.answers["/b.png"] = Answer(other.getvalue(), mime="image/jpeg")
    profile = make_profile(avatar_url=f"{site.url}/a.png")
    everything()
    first = bytes(Avatar.objects.get().content)
    Profile.objects.update(avatar_url=f"{site.url}/b.png")
    everything()
    assert bytes(Avatar.objects.get(pk=profile.pk).content) != first


@pytest.mark.parametrize(
    ("answer", "state", "why"),
    [
        (Answer(b"<svg/>", mime="image/svg+xml"), "failed", "cannot be read"),
        (Answer(b"gone", status=404), "skipped", "answered 404"),
        (Answer(b"x" * 300_000, mime="image/png"), "failed", "more than 200,000 bytes"),
        (Answer(b"", status=302, headers={"Location": "http://169.254.169.254/latest"}), "failed", "private network"),
        (Answer(b"", status=302, headers={"Location": "file:///etc/passwd"}), "skipped", "no web address"),
    ],
)  # fmt: skip
def test_what_is_no_picture_leaves_none(
    site: Site, monkeypatch: pytest.MonkeyPatch, answer: Answer, state: str, why: str
) -> None:
    monkeypatch.setattr(avatar, "MOST_BYTES", 200_000)
    site.answers["/a"] = answer
    profile = make_profile(avatar_url=f"{site.url}/a")
    everything()

    entry = row_of(profile).steps["avatar"]
    assert entry["s"] == state
    assert why in entry["why"]
    assert not Avatar.objects.exists()


@pytest.mark.parametrize(
    ("zone", "verdict"),
    [
        ({("x.test.", "MX"): ["10 mx.x.test."]}, "good"), ({("x.test.", "A"): ["192.0.2.1"]}, "good"),
        ({("x.test.", "MX"): ["0 ."]}, "bad"), ({("x.test.", "TXT"): ['"hello"']}, "bad"), ({}, "bad"),
    ],
)  # fmt: skip
def test_address_is_judged_by_its_domain(names: Any, zone: dict[Any, list[str]], verdict: str) -> None:
    names.zone = zone
    profile = make_profile("ann@x.test", network="email")
    everything()
    profile.refresh_from_db()
    assert profile.mail_verdict == verdict
    assert profile.mail_note


def test_role_stays_risky_though_its_domain_takes_mail(names: Any) -> None:
    names.zone = {("x.test.", "MX"): ["10 mx.x.test."]}
    profile = make_profile("info@x.test", network="email")
    everything()
    profile.refresh_from_db()
    assert profile.mail_verdict == "risky"


def test_silent_name_server_says_nothing_of_an_address(names: Any) -> None:
    names.silent = True
    profile = make_profile("ann@x.test", network="email")
    everything()
    profile.refresh_from_db()
    assert profile.mail_verdict == ""
    assert row_of(profile).steps["mailserver"]["s"] == "waiting"


def test_each_domain_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(name: str, kind: str) -> list[str]:
        asked.append(name)
        return [f"10 mx.{name}."]

    monkeypatch.setattr(mailserver, "resolver", lambda: ask)
    mailserver._known.clear()
    for n in range(5):
        make_profile(f"p{n}@x{n % 2}.test", network="email")
    everything()
    mailserver._known.clear()
    assert sorted(asked) == ["x0.test", "x1.test"]


def test_mail_that_waits_for_a_bad_address_is_not_sent(names: Any) -> None:
    profile = make_profile("ann@gone.test", network="email")
    campaign = make_campaign(network="email", status="running")
    enrolment = make_enrolment(campaign, profile, state=EnrolmentState.ACTIVE)
    waiting = make_task(
        kind="email", profile=profile, person=profile.person, enrolment=enrolment, campaign=campaign
    )
    answer = make_task(kind="email", profile=profile, person=profile.person)
    everything()

    waiting.refresh_from_db()
    answer.refresh_from_db()
    enrolment.refresh_from_db()
    assert (waiting.state, waiting.reason) == (TaskState.CANCELLED, Reason.NOT_FOUND)
    assert "gone.test has no mail server" in waiting.detail
    assert answer.state == TaskState.PENDING
    assert enrolment.state == EnrolmentState.FAILED


def test_worker_killed_while_it_fetched_gives_back_and_a_deadly_profile_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = make_profile(avatar_url=f"{site.url}/a.png")
    enrichment.run()
    for _ in range(running.MOST_DEATHS):
        assert [row.subject.pk for row in taking.take(taking.ONLINE)] == [profile.pk]  # and dies
        assert enrichment.run_online() == 0
        Enrichment.objects.update(online_at=LONG_AGO)
    assert enrichment.run_online() == 1
    assert row_of(profile).steps["avatar"]["why"] == running.DEADLY
    assert site.paths == []
