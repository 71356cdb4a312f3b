"""An import whose worker is killed with SIGKILL, wherever that is: it goes on, and takes each row once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from leads import consent
from leads.importing import run_import, start_import
from leads.models import Import, ImportRow, Person, PersonChange, Profile

pytestmark = pytest.mark.django_db(transaction=True)

ROWS, BATCH = 35, 10
# Takes the import in, ten rows at a time, and dies when it comes to a place for the third time.
WORKER = """
import os, signal, sys, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from leads.importing import apply, run
run.BATCH = 10
module, name = {"run": run, "apply": apply}[sys.argv[3]], sys.argv[4]
owner = getattr(module, sys.argv[5]) if sys.argv[5] else module
function, calls = getattr(owner, name), []
def dies(*values, **named):
    calls.append(values)
    if len(calls) == 3 and not sys.argv[6]:
        os.kill(os.getpid(), signal.SIGKILL)
    answer = function(*values, **named)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
setattr(owner, name, dies)
run.run_import(int(sys.argv[2]))
"""


def killed_at(import_id: int, module: str, name: str, owner: str, when: str) -> None:
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), str(import_id)]
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "outreach.settings", "LOG_LEVEL": "ERROR"}
    done = subprocess.run([*command, module, name, owner, when], env=env, cwd=settings.BASE_DIR, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("module", "name", "owner", "when", "taken"),
    [
        ("run", "_apply", "", "", 2 * BATCH),  # between two batches
        ("apply", "_insert_profiles", "Batch", "", 1 * BATCH),  # two calls a batch: amid the second
        ("run", "insert_rows", "", "after", 2 * BATCH),  # everything written, nothing committed
        ("run", "_apply", "", "after", 3 * BATCH),  # committed, and nobody knows
    ],
)
def test_killed_import_takes_each_row_once(module: str, name: str, owner: str, when: str, taken: int) -> None:
    consent.suppress_address(network="email", handle="person7@example.org", by="test")
    lines = ["email,first_name,tags", *(f"person{n}@example.org,Name {n},new" for n in range(ROWS))]
    started = start_import(name="x", content="\n".join(lines).encode(), by="test", dry_run=False)
    killed_at(started.pk, module, name, owner, when)
    assert Person.objects.count() == ImportRow.objects.count() == Import.objects.get().rows == taken
    assert run_import(started.pk).rows == taken, "whoever holds the lease may be alive"

    Import.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    done = run_import(started.pk)

    assert (done.status, done.rows, done.created, done.progress) == ("completed", ROWS, ROWS, 1.0)
    assert Counter(ImportRow.objects.values_list("number", flat=True)) == {n + 2: 1 for n in range(ROWS)}
    assert Counter(Profile.objects.values_list("handle", flat=True)) == {
        f"person{n}@example.org": 1 for n in range(ROWS)
    }
    assert Person.objects.count() == ROWS
    silent = Person.objects.get(suppressed_at__isnull=False)
    assert silent.first_name == "Name 7"
    notes = PersonChange.objects.filter(person_id__in=Person.objects.values("pk"))
    noted = Counter(notes.values_list("person_id", flat=True))
    assert noted.pop(silent.pk) == 2, "made, and then silenced"
    assert noted == dict.fromkeys(Person.objects.consenting().values_list("pk", flat=True), 1)
