"""What a process of the background must not load."""

import json
import os
import subprocess
import sys

import pytest

UNWANTED = ("rich", "click", "ninja", "unfold.admin", "django.test", "PIL", "openai", "playwright", "atproto")
SHOW = """
import json, sys
import django
django.setup()
import automation.jobs, leads.jobs, monitoring.jobs, automation.engine.dispatcher
{then}
print(json.dumps([name for name in {names!r} if name in sys.modules]))
"""


def _loaded(role: str, *, names: tuple[str, ...], then: str = "") -> list[str]:
    """Which of these modules a fresh process of ``role`` holds once it is ready to work."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "outreach.settings", "OUTREACH_ROLE": role}
    program = SHOW.format(names=names, then=then)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_the_background_loads_no_pages_and_no_terminal() -> None:
    assert _loaded("background", names=UNWANTED) == []


@pytest.mark.parametrize("role", ["web", "worker"])
def test_others_have_the_admin_and_no_terminal(role: str) -> None:
    assert _loaded(role, names=("rich", "click", "unfold.admin", "ninja")) == ["unfold.admin", "ninja"]


def test_the_background_builds_addresses_of_the_admin() -> None:
    then = """
from django.urls import reverse
assert reverse("admin:automation_task_changelist") == "/admin/automation/task/"
"""
    assert _loaded("background", names=("ninja", "unfold.admin"), then=then) == ["ninja", "unfold.admin"]


def test_a_terminal_is_there_for_those_who_ask_for_it() -> None:
    then = "import rich.console, click"
    assert _loaded("worker", names=("rich", "click"), then=then) == ["rich", "click"]
