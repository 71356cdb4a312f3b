"""A hostile file taken in from upload to report, in a process whose memory is its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest
from django.conf import settings
from django.db import connection

from leads.models import Import, ImportRow, Person

pytestmark = pytest.mark.django_db(transaction=True)

MOST_MB = 300
# Two hundred megabytes of UTF-16: rows in order, and after each four others that are not.
WORKER = """
import sys, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from django.db import connection
from leads.importing import run_import, start_import

def lines():
    yield "email,first_name,about\\n"
    for n in range(500):
        padding = "x" * 40_000
        yield f"person{n}@example.org,Zoë {n},{padding}\\n"
        yield f"ragged{n}@example.org,Zoë,{padding},more,{padding}\\n"
        yield f"nul{n}@example.org,Z\\0ë,{padding}\\n"
        yield f"nobody,Zoë,{padding}\\n"
        yield f"short{n}@example.org\\n"
    yield 'quote@example.org,"never closed,' + "y" * 3_000_000

def content():
    yield b"\\xff\\xfe"
    for line in lines():
        yield line.encode("utf-16-le")

started = start_import(name="hostile.csv", content=content(), by="test", dry_run=False)
with connection.cursor() as cursor:
    cursor.execute("SELECT sum(length(content)) FROM leads_importpart")
    size = cursor.fetchone()[0]
run_import(started.pk)
# Not by getrusage: that begins with what the parent held when it forked.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(size, int(peak.split()[1]) / 1024)
"""


@pytest.mark.timeout(300)
def test_two_hundred_hostile_megabytes_have_a_report_per_row_and_little_memory() -> None:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "outreach.settings", "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"])]
    done = subprocess.run(
        command, env=env, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True, check=True
    )
    size, megabytes = map(float, done.stdout.split())
    assert size > 200_000_000
    assert megabytes < MOST_MB

    run = Import.objects.get()
    assert (run.status, run.created, run.failed, run.rows) == ("completed", 500, 2001, 2501)
    reports = ImportRow.objects.order_by("number")
    assert list(reports.values_list("number", flat=True)) == list(range(2, 2503))
    said = Counter(reports.values_list("message", flat=True))
    assert said["The row has 5 cells, the header has 3."] == 500
    assert said["The row holds a NUL character."] == 500
    assert said["The row has 1 cells, the header has 3."] == 500
    assert sum(count for text, count in said.items() if text.startswith('"nobody" is not an e-mail')) == 500
    assert reports.last().message.startswith("A cell is longer than")  # type: ignore[union-attr]
    assert Person.objects.filter(first_name__startswith="Zoë").count() == 500
