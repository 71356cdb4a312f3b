"""Jobs through real workers and a real Chromium, against the sandbox network's pages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from automation.browser import work
from automation.browser.pool import pool
from automation.browser.server import proportional
from automation.browser.work import ActionFailed, BrowserDown, Hung, Job, Lost, OpenDesk
from automation.channels.sandbox.process import SandboxProcess
from outreach.lib import net
from tests.automation.browser.serving import ROOT, Serving

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("open_desk", "served"), pytest.mark.timeout(180)]
MakeJob = Callable[..., Job]


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "automation.browser.child" in child.cmdline()]


def gone(pid: int, within: float = 3.0) -> bool:
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_job_answers_and_worker_is_used_again(job: MakeJob) -> None:
    first, second = work.perform(job("look")), work.perform(job("look"))
    assert first.result["title"] == "Welcome - Sandbox"
    assert first.result["pid"] == second.result["pid"] != os.getpid()
    assert first.refused_hosts == ()


def test_caller_never_loads_playwright() -> None:
    loads = "import django; django.setup(); import automation.browser.work, sys; print('playwright' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loads], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "outreach.settings"},
    )  # fmt: skip
    assert done.stdout.strip() == "False"


def test_state_is_returned_and_restored_and_a_fresh_context_has_none(
    job: MakeJob, network: SandboxProcess
) -> None:
    own = network.control.accounts()[300]
    credentials = {"handle": own.handle, "password": own.password}
    signed_in = work.perform(job("sign_in", arguments=credentials))
    assert signed_in.result == {"viewer": f"@{own.handle}"}
    assert own.password not in repr(signed_in)
    assert "sandbox_session" not in repr(signed_in)

    assert work.perform(job("viewer", state=signed_in.state)).result == {"viewer": f"@{own.handle}"}
    assert work.perform(job("viewer")).result == {"viewer": ""}


def test_hung_page_is_killed_at_its_deadline_and_the_server_lives_on(job: MakeJob, served: Serving) -> None:
    work.perform(job("look"))  # the worker is warm: the deadline is the page's
    before = served.chromium()
    began = time.monotonic()
    with pytest.raises(Hung) as hung:
        work.perform(job("spin", seconds=2.0))
    assert 2.0 <= time.monotonic() - began < 3.0
    assert hung.value.acted
    assert served.chromium() == before
    assert work.perform(job("look")).result["title"] == "Welcome - Sandbox"


def test_renderer_of_a_hung_page_does_not_stay(job: MakeJob, served: Serving) -> None:
    work.perform(job("look"))
    with pytest.raises(Hung):
        work.perform(job("spin", seconds=2.0))
    ends = time.monotonic() + 5.0
    while renderers(served):
        assert time.monotonic() < ends, f"renderers left: {renderers(served)}"
        time.sleep(0.1)


def test_page_that_eats_memory_dies_from_outside_and_gives_it_back(job: MakeJob, served: Serving) -> None:
    work.perform(job("look"))
    before = megabytes(served)
    seen: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            seen.append(megabytes(served))

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.monotonic()
    try:
        with pytest.raises(Hung):
            work.perform(job("devour", seconds=4.0))
        took = time.monotonic() - began
    finally:
        over.set()
        watching.join()
    assert max(seen) > before + 150, "it ate"
    assert took < 5.0
    while megabytes(served) > before + 50:
        assert time.monotonic() - began < 4.0 + 5.0
        time.sleep(0.1)
    assert work.perform(job("look")).result["title"] == "Welcome - Sandbox"


def megabytes(served: Serving) -> float:
    return sum(map(proportional, served.family())) / 1e6


def test_accounts_that_do_not_act_hold_nothing_in_the_browser(job: MakeJob, served: Serving) -> None:
    for account in range(1, 9):
        work.perform(job("look", account=account))
    assert children(), "the workers are still there, and connected"
    ends = time.monotonic() + 5.0
    while renderers(served):
        assert time.monotonic() < ends, f"pages stay open: {renderers(served)}"
        time.sleep(0.1)


def renderers(served: Serving) -> list[psutil.Process]:
    """The processes that show pages."""
    return [one for one in served.family() if "--type=renderer" in " ".join(one.cmdline())]


def test_state_that_cannot_be_restored_is_the_jobs_own_fault(job: MakeJob) -> None:
    """It must not pass for a browser that is down, which would stop everybody's work."""
    state = {"cookies": [{"name": "x", "value": "y", "domain": "", "path": "/"}], "origins": []}
    with pytest.raises(ActionFailed) as failed:
        work.perform(job("look", state=state))
    assert not failed.value.acted
    assert work.perform(job("look")).result["title"] == "Welcome - Sandbox"


@pytest.mark.parametrize(("acts", "acted"), [(True, True), (False, False)])
def test_announcing_job_tells_whether_it_had_acted(job: MakeJob, *, acts: bool, acted: bool) -> None:
    work.perform(job("look"))
    with pytest.raises(Hung) as hung:
        work.perform(job("spin", seconds=2.0, announces=True, arguments={"acts": acts}))
    assert hung.value.acted is acted
    with pytest.raises(ActionFailed) as failed:
        work.perform(job("fail", announces=True, arguments={"acts": acts}))
    assert failed.value.acted is acted


def test_what_an_action_raises_arrives_with_its_plain_attributes(job: MakeJob) -> None:
    with pytest.raises(ActionFailed, match="It did not work") as failed:
        work.perform(job("fail"))
    assert failed.value.kind == "tests.automation.browser.actions:Sorry"
    assert failed.value.details == {"retry_after": 7}
    assert failed.value.acted  # it never said that it would tell


def test_unknown_action_fails_and_says_so(job: MakeJob) -> None:
    with pytest.raises(ActionFailed, match=r"There is no action .*nowhere"):
        work.perform(job("nowhere"))


def test_worker_that_dies_in_the_middle_is_lost(job: MakeJob) -> None:
    with pytest.raises(Lost) as lost:
        work.perform(job("die", announces=True))
    assert lost.value.acted


def test_idle_worker_that_died_is_replaced_without_a_word(job: MakeJob) -> None:
    worker = work.perform(job("look")).result["pid"]
    os.kill(worker, signal.SIGKILL)
    assert work.perform(job("look")).result["pid"] != worker


def test_proofs_are_a_picture_and_on_failure_a_trace(job: MakeJob) -> None:
    answer = work.perform(job("look", keep_proof=True))
    assert [proof.name for proof in answer.proofs] == ["page.png"]
    assert answer.proofs[0].content.startswith(b"\x89PNG")
    with pytest.raises(ActionFailed) as failed:
        work.perform(job("fail", keep_proof=True))
    assert [proof.name for proof in failed.value.proofs] == ["page.png", "trace.zip"]
    assert failed.value.proofs[1].content.startswith(b"PK")


def test_noise_on_standard_output_does_not_garble_the_wire(job: MakeJob) -> None:
    assert work.perform(job("noise")).result == {"stdin": ""}


def test_windows_dialogs_and_downloads_are_contained(job: MakeJob) -> None:
    found = work.perform(job("pop_ups")).result
    assert found["windows"] <= 6
    assert found["answer"] is False


def test_worker_gets_no_secret_of_ours(job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "very secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://x:y@z/w")
    pool().close()
    names = work.perform(job("environment")).result["names"]
    assert "PATH" in names
    assert not {"SECRET_KEY", "DATABASE_URL", "ENCRYPTION_KEYS", "OUTREACH_DATA_DIR"} & set(names)


def test_worker_is_replaced_after_enough_acts(job: MakeJob, settings: Any) -> None:
    pool().close()
    settings.BROWSER = {**settings.BROWSER, "worker_acts": 3}
    pids = [work.perform(job("look")).result["pid"] for _ in range(7)]
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


def test_worker_that_has_grown_is_replaced(job: MakeJob, settings: Any) -> None:
    pool().close()
    first = work.perform(job("look")).result["pid"]
    settings.BROWSER = {**settings.BROWSER, "worker_growth_mb": -1}
    assert work.perform(job("look")).result["pid"] == first
    assert work.perform(job("look")).result["pid"] != first


def test_idle_workers_end_after_a_while(job: MakeJob, settings: Any) -> None:
    settings.BROWSER = {**settings.BROWSER, "worker_idle_seconds": 0.1}
    worker = work.perform(job("look")).result["pid"]
    assert gone(worker, within=12.0)


def test_deadline_of_the_caller_counts(job: MakeJob) -> None:
    work.perform(job("look"))
    began = time.monotonic()
    with net.deadline(1.5), pytest.raises(Hung):
        work.perform(job("sleep", arguments={"seconds": 30}))
    assert time.monotonic() - began < 2.5


def test_nothing_begins_after_the_callers_deadline(job: MakeJob) -> None:
    with net.until(time.monotonic() - 1), pytest.raises(BrowserDown):
        work.perform(job("sleep", arguments={"seconds": 0}))


def test_concurrent_jobs_keep_their_states_apart(job: MakeJob, network: SandboxProcess) -> None:
    owns = network.control.accounts()[310:314]
    states = [
        work.perform(job("sign_in", arguments={"handle": own.handle, "password": own.password})).state
        for own in owns
    ]
    found: list[tuple[str, str]] = []

    def ask(number: int) -> None:
        for _ in range(3):
            answer = work.perform(job("viewer", state=states[number]))
            found.append((owns[number].handle, answer.result["viewer"]))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert all(viewer == f"@{handle}" for handle, viewer in found)


KILLED_PARENT = """
import os, sys, threading, django
django.setup()
from django.conf import settings
from automation.browser import work
work.use(work.OpenDesk())
job = work.Job("tests.automation.browser.actions:sleep", {"seconds": 60}, seconds=60)
threading.Thread(target=work.perform, args=(job,), daemon=True).start()
input()
"""


def test_workers_die_with_a_killed_parent(served: Serving, tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", KILLED_PARENT], cwd=ROOT, stdin=subprocess.PIPE,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "outreach.settings", "OUTREACH_DATA_DIR": str(served.folder)},
    )  # fmt: skip
    ends = time.monotonic() + 40
    family: list[psutil.Process] = []
    while time.monotonic() < ends and len(family) < 2:
        family = psutil.Process(parent.pid).children(recursive=True)
        time.sleep(0.2)
    time.sleep(1.5)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) >= 2  # the worker and its driver
    parent.kill()
    parent.wait()
    assert all(gone(one.pid) for one in family)


def test_open_desk_keeps_nothing(open_desk: OpenDesk) -> None:
    assert open_desk.session(1).state is None
