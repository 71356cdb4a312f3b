"""``manage.py onboard``."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from automation.channels.sandbox.control import Control
from automation.channels.sandbox.process import SandboxProcess
from automation.enums import OnboardingState
from automation.models import OnboardingRun
from tests.automation.conftest import run_lanes

pytestmark = pytest.mark.django_db(transaction=True)


def onboard(*arguments: Any, **options: Any) -> tuple[int, str, str]:
    """The command's exit code, what it said, and its progress."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("onboard", *arguments, stdout=out, stderr=err, **options)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def file(network: SandboxProcess, control: Control, tmp_path: Path) -> Path:
    rows = [f"sandbox,{one.handle},{network.url},{one.token}" for one in control.accounts()[40:44]]
    path = tmp_path / "accounts.csv"
    path.write_text(
        "\n".join(["network,handle,server,token", *rows, f"sandbox,bad,{network.url},no-such-token"])
    )
    return path


def test_every_row_is_reported_and_a_failed_one_is_an_exit_code(file: Path) -> None:
    def work() -> None:
        try:
            while not OnboardingRun.objects.filter(state=OnboardingState.COMPLETED).exists():
                run_lanes()
        finally:
            connections.close_all()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    code, said, progress = onboard(str(file), "--json")
    worker.join(30)
    *rows, counts = [json.loads(line) for line in said.splitlines()]
    assert code == 1
    assert [row["state"] for row in rows] == ["connected"] * 4 + ["failed"]
    assert (counts["connected"], counts["failed"], counts["state"]) == (4, 1, "completed")
    assert "token" not in rows[0]
    assert "has begun" in progress


def test_without_waiting_it_says_what_is_open_and_can_be_followed(file: Path) -> None:
    code, said, _ = onboard(str(file), "--no-wait")
    assert (code, said.strip()) == (0, "5 accounts: 0 connected, 0 connected before, 0 failed, 5 open.")
    run_lanes()
    code, said, _ = onboard(follow=OnboardingRun.objects.get().pk)
    assert code == 1
    assert "row 6: sandbox bad:" in said


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        onboard(str(tmp_path / "nothing.csv"))
    with pytest.raises(CommandError, match="no onboarding 7"):
        onboard(follow=7)
    (tmp_path / "a.csv").write_text("network,token\n")
    with pytest.raises(CommandError, match="no column handle"):
        onboard(str(tmp_path / "a.csv"))
