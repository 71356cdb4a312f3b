"""A worker killed amid a batch: what it had kept is kept, what it had not is done again, and nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import pytest
from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from automation import enrichment
from automation.enrichment import registry, running
from automation.enrichment.base import Step
from automation.enrichment.needing import Passed
from automation.enrichment.taking import Kind, Row
from automation.models import Enrichment, EnrichmentRunner
from leads.models import Person, Profile
from tests.automation.enrichment.conftest import GERMAN, post
from tests.factories import make_profile

pytestmark = pytest.mark.django_db(transaction=True)

PROFILES, BATCH = 25, 10
# Runs what is due in batches of ten with a lease of a second, and dies by SIGKILL when it calls a function for the second time.
WORKER = """
import os, signal, sys, django
from dataclasses import replace
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from automation import enrichment
from automation.enrichment import keeping, running
running.OFFLINE = replace(running.OFFLINE, batch=int(sys.argv[3]), lease=1.0)
function, calls = getattr(keeping, sys.argv[2]), []
def dies(*values):
    calls.append(values)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*values)
setattr(keeping, sys.argv[2], dies)
enrichment.run()
"""


def killed_at(function: str) -> None:
    """A process of its own that runs enrichment on the test's database until it is killed."""
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), function, str(BATCH)]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "outreach.settings", "LOG_LEVEL": "ERROR"}
    assert subprocess.run(command, env=env, cwd=settings.BASE_DIR, check=False).returncode == -signal.SIGKILL


# Before anything of the batch is kept; after people have their addresses; after all but where the profiles stand.
@pytest.mark.parametrize("function", ["_give_addresses", "_judge_addresses", "_keep_standing"])
def test_every_step_of_every_profile_still_happens_once(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(PROFILES):
        make_profile(
            f"p{n}", bio=f"{GERMAN} p{n}@roast.example", location="Köln", recent_posts=[post(GERMAN)] * 3
        )
    killed_at(function)
    kept = set(Enrichment.objects.exclude(steps={}).values_list("pk", flat=True))
    assert len(kept) == BATCH

    seen: Counter[int] = Counter()
    work_out = running._work_out

    def watched(kind: Kind, steps: Sequence[Step], rows: list[Row], now: datetime) -> list[Passed]:
        seen.update(row.subject.pk for row in rows)
        return work_out(kind, steps, rows, now)

    monkeypatch.setattr(running, "_work_out", watched)
    while EnrichmentRunner.objects.filter(leased_until__gt=Now()).exists():
        time.sleep(0.1)
    enrichment.run()

    assert not kept & set(seen), "what was kept is not worked out again"
    assert set(seen.values()) == {1}
    assert not Enrichment.objects.filter(due_at__isnull=False).exists()
    pages = Enrichment.objects.filter(profile__network="sandbox")
    expected = {step.name for step in registry.offline()} - {"address"}
    for row in pages:
        done = {name for name, entry in row.steps.items() if entry["s"] == "done"}
        assert done >= expected, row.steps
        assert row.deaths == 0
    emails = Profile.objects.filter(network="email")
    assert Counter(emails.values_list("handle", flat=True)) == {
        f"p{n}@roast.example": 1 for n in range(PROFILES)
    }
    assert set(emails.values_list("enrichment__steps__address__s", flat=True)) == {"done"}
    assert set(Person.objects.values_list("language", "country")) == {("de", "DE")}
    assert Person.objects.count() == PROFILES
