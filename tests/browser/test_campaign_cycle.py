"""A person logs in, starts a campaign and watches it finish; the network's ledger says what was really sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from playwright.sync_api import Page, expect

from accounts import services as accounts
from automation import jobs
from automation.campaigns import services as campaigns
from automation.campaigns.services import StepSpec, VariantSpec
from automation.channels.base import ProfileInfo
from automation.channels.sandbox.process import SandboxProcess
from automation.engine import drain
from automation.enums import CampaignStatus
from automation.models import Campaign
from leads.services import find_or_add_profiles
from outreach.lib import clock

PEOPLE = 12
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path / "network", people=40, accounts=2, reply_delay=1000.0) as process:
        yield process


@pytest.fixture
def engine(settings: Any) -> Iterator[None]:
    """What the cluster does, in a thread: drains one after the other, and campaigns begun."""
    settings.ENGINE = {**settings.ENGINE, "drain_linger_seconds": 0.2}
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            jobs.begin_forgotten_enrolments()
            drain.drain()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def _campaign(network: SandboxProcess) -> Campaign:
    ours = []
    for own in network.control.accounts():
        account = accounts.create_account(
            network="sandbox", handle=own.handle, server=network.url, secret={"token": own.token}, by="test",
            limits={"follow": 50, "dm": 50},
        )  # fmt: skip
        ours.append(accounts.update_account(account=account, by="test", sending_gap=0.1))
    people = [ProfileInfo(p.handle, p.id, display_name=p.name) for p in network.control.people()[:PEOPLE]]
    profiles, _ = find_or_add_profiles(network="sandbox", infos=people)
    campaign = campaigns.create_campaign(
        name="Spring letters", network="sandbox", accounts=ours, by="test",
        steps=[StepSpec("follow"), StepSpec("wait", delay=0.5), StepSpec("dm", variants=(VariantSpec("Hello {first_name}!"),))],
    )  # fmt: skip
    campaigns.enrol(campaign=campaign, profiles=profiles, by="test")
    return campaign


def _log_in(page: Page) -> list[str]:
    """Sign in as a person would; returns the list that collects what the console complains about."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/admin/")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    return complaints


def _no_wider_than_the_window(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_a_person_starts_a_campaign_and_watches_it_finish(
    browser: Any, live_server: Any, network: SandboxProcess, engine: None, tmp_path: Path
) -> None:
    get_user_model().objects.create_superuser("ann", password="correct horse")
    campaign = _campaign(network)

    def start(page: Page) -> list[str]:
        complaints = _log_in(page)
        page.goto(f"/admin/automation/campaign/{campaign.pk}/change/")
        page.get_by_role("link", name="Start").click()
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("Spring letters is running.")).to_be_visible()
        return complaints

    assert browser.run(start, base_url=live_server.url, viewport=WIDE) == []

    deadline = time.monotonic() + 60
    while Campaign.objects.get(pk=campaign.pk).status != CampaignStatus.COMPLETED:
        assert time.monotonic() < deadline, "the campaign did not finish"
        time.sleep(0.2)

    def watch(page: Page) -> list[str]:
        complaints = _log_in(page)
        page.goto(f"/admin/automation/campaign/{campaign.pk}/change/")
        expect(page.get_by_text("Completed").first).to_be_visible()
        _no_wider_than_the_window(page)
        page.goto("/admin/")
        _no_wider_than_the_window(page)
        page.screenshot(path=str(tmp_path / "dashboard.png"), full_page=True)
        return complaints

    for size in (WIDE, NARROW):
        assert browser.run(watch, base_url=live_server.url, viewport=size) == []
    assert (tmp_path / "dashboard.png").stat().st_size > 10_000

    summary = network.control.summary()
    assert summary.kinds == {"follow": PEOPLE, "dm": PEOPLE}
    assert (summary.duplicate_send_ids, summary.duplicate_contents) == (0, 0)
    assert clock.database_now() > Campaign.objects.get(pk=campaign.pk).started_at
