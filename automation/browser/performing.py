"""From a job to its answer: the talk with a worker, and what each way it can end means."""

from __future__ import annotations

import contextlib
import itertools
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from automation.browser import endpoint
from automation.browser.pool import pool, proof_folder
from automation.browser.shapes import ActionFailed, Answer, BrowserDown, Hung, Job, Lost, Proof, State
from automation.browser.worker import Closed, Late, Worker
from outreach.lib import net

_numbers = itertools.count(1)
TARGET_GONE = "TargetClosedError"  # what Playwright raises when the page's browser went away


MOMENT = 0.3
FINAL = {"connected", "down"}  # one of them is in a worker's last message about a job


class Gone(Exception):
    """Nothing was begun: the browser had ended, or the warm worker."""


def run(job: Job, state: State | None) -> Answer:
    """Do ``job`` in a worker with ``state`` restored; the worker is killed at the deadline."""
    until = time.monotonic() + min(job.seconds, net.seconds_left())
    where = endpoint.address(until=until)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(proof_folder()) if job.keep_proof else ""
        message = _message(job, state, where, until, folder)
        while True:
            try:
                return _lend(job, message, until)
            except Gone as gone:
                # A browser that has just ended is up again in a moment, at another address.
                if time.monotonic() + MOMENT > until:
                    raise BrowserDown(str(gone)) from gone
                time.sleep(MOMENT)
                message["endpoint"] = endpoint.address(until=until)


def _message(job: Job, state: State | None, where: str, until: float, folder: str) -> dict[str, Any]:
    return {
        "id": next(_numbers), "action": job.action, "arguments": dict(job.arguments), "state": state,
        "allowed_hosts": list(job.allowed_hosts), "private_hosts": list(settings.ALLOWED_PRIVATE_HOSTS),
        "deadline": until, "proxy": job.proxy, "keep_proof": job.keep_proof, "options": dict(job.options),
        "endpoint": where, "gated": not settings.BROWSER_URL, "folder": folder,
    }  # fmt: skip


def _lend(job: Job, message: dict[str, Any], until: float) -> Answer:
    worker = pool().take(until)
    talk = Talk(worker, job, message)
    try:
        said = talk.hold(until)
    except BaseException:
        pool().end(worker)
        raise
    pool().give_back(worker)
    if "down" in said:
        raise Gone(f"The browser could not be used: {said['down']}")
    return talk.answer(said)


class Talk:
    """One job's conversation with its worker."""

    def __init__(self, worker: Worker, job: Job, message: dict[str, Any]) -> None:
        self._worker, self._job, self._message = worker, job, message
        self._was_warm = worker.acts > 0
        self._started = False
        self._acted = not job.announces

    def hold(self, until: float) -> dict[str, Any]:
        """Give it the job and listen until it is done; raises what the end means if it never says so."""
        try:
            self._worker.ask(self._message, until)
            while not FINAL & (said := self._worker.wire.receive(until=until)).keys():
                self._note(said)
        except Late:
            self._halt()
            raise self._late() from None
        except Closed:
            self._halt()
            raise self._closed() from None
        return said

    def _note(self, said: dict[str, Any]) -> None:
        self._started = self._started or "started" in said
        self._acted = self._acted or "acting" in said

    def _halt(self) -> None:
        """End the worker and hear what it had said by then: what it did not announce, it did not begin."""
        self._worker.halt()
        with contextlib.suppress(Late, Closed):
            while True:
                self._note(self._worker.wire.receive(until=time.monotonic() + MOMENT))

    def _late(self) -> Exception:
        if not self._started:
            return BrowserDown("The browser did not get ready in time.")
        return Hung(f"The page did not finish within {self._job.seconds:.0f} seconds.", acted=self._acted)

    def _closed(self) -> Exception:
        if self._started:
            return Lost("The browser worker ended in the middle of it.", acted=self._acted)
        if self._was_warm:
            return Gone("The browser worker had ended.")
        return BrowserDown(f"The browser worker ended: {self._worker.last_words() or 'it said nothing'}")

    def answer(self, said: dict[str, Any]) -> Answer:
        """What it returned, or the exception that says what it raised."""
        acted = self._acted and self._started
        proofs = _proofs(self._message["folder"], said.get("proofs", ()))
        failed = said.get("failed")
        if failed is None:
            return Answer(said["result"], said.get("state"), proofs, tuple(said["refused_hosts"]))
        if not said["connected"] or failed["kind"].endswith(TARGET_GONE):
            raise Lost("The browser ended in the middle of it.", acted=acted, proofs=proofs)
        raise ActionFailed(
            failed["message"], kind=failed["kind"], details=failed["details"], acted=acted, proofs=proofs,
            state=said.get("state"),
        )  # fmt: skip


def _proofs(folder: str, names: list[str]) -> tuple[Proof, ...]:
    return tuple(Proof(name, (Path(folder) / name).read_bytes()) for name in names)
