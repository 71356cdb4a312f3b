"""The process: it loses nothing to kill -9, starts again as it was, reacts by the clock and stops when told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from automation.channels.base import Act, Channel, ChannelError, Done, Proof
from automation.channels.sandbox.channel import connect
from automation.channels.sandbox.network.server import bind
from automation.channels.sandbox.process import ROOT, SandboxError, SandboxProcess
from tests.channels.sandbox.conftest import NEVER, dm


@pytest.fixture
def process(tmp_path: Path) -> Iterator[SandboxProcess]:
    made = SandboxProcess(
        tmp_path,
        people=60,
        accounts=4,
        reply_delay=NEVER,
        shares={"yes": 0.4, "opt_out": 0.3, "out_of_office": 0.2},
    )
    with made:
        yield made


def _channel(process: SandboxProcess, number: int = 0) -> Channel:
    return connect(process.control.accounts()[number].login(process.url))


def test_kill_9_loses_no_answered_act(process: SandboxProcess) -> None:
    people = process.control.people()
    answered: list[tuple[Act, Done]] = []
    unclear: list[Act] = []

    def send(number: int) -> None:
        channel = channels[number]
        for one in range(10_000):
            act = dm(people[one % len(people)], f"{number} {one}")
            try:
                answered.append((act, channel.message(act)))
            except ChannelError:
                unclear.append(act)
                return

    channels = [_channel(process, number) for number in range(4)]
    senders = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(1)
    process.kill()
    for sender in senders:
        sender.join(30)
    assert len(answered) > 100
    assert len(unclear) == 4
    url = process.url
    process.start()
    assert process.url == url
    remembered = {act.send_id: act.remote_id for act in process.control.ledger()}
    assert {str(act.send_id): done.remote_id for act, done in answered}.items() <= remembered.items()
    proofs = [_channel(process, int(act.text.split()[0])).reconcile(act).proof for act in unclear]
    assert len(remembered) == len(answered) + proofs.count(Proof.PRESENT)
    assert process.control.summary().duplicate_send_ids == 0


def test_restart_remembers_everything(process: SandboxProcess) -> None:
    control, channel = process.control, _channel(process)
    people = control.people()
    for person in people[:30]:
        channel.message(dm(person))
    channel.publish(Act("post", uuid4(), text="Hello"))
    control.run_reactions()
    control.expire(control.accounts()[1].handle)
    before = (control.ledger(), control.people(), control.accounts(), channel.inbox(""), control.health())
    assert process.stop() == 0
    process.start()
    after = (control.ledger(), control.people(), control.accounts(), channel.inbox(""), control.health())
    assert after == before


def test_half_a_line_at_the_end_was_never_answered(process: SandboxProcess) -> None:
    channel, person = _channel(process), process.control.people()[0]
    channel.message(dm(person))
    process.kill()
    journal = process.data / "journal.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"seq":2,"at":17')
    process.start()
    assert process.control.summary().total == 1
    channel.message(dm(person))
    process.kill()
    assert [json.loads(line)["seq"] for line in journal.read_bytes().splitlines()] == [1, 2]


def test_damaged_journal_is_not_started_from(process: SandboxProcess) -> None:
    channel, person = _channel(process), process.control.people()[0]
    for _ in range(3):
        channel.message(dm(person))
    process.stop()
    journal = process.data / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + lines[2])
    with pytest.raises(SandboxError, match="line 2"):
        process.start()


def test_two_processes_do_not_share_a_folder(process: SandboxProcess) -> None:
    before = process.url
    with pytest.raises(SandboxError, match="Another sandbox runs"):
        _second(process).start()
    assert process.control.url == before
    assert process.control.health()["ok"]


def _second(process: SandboxProcess) -> SandboxProcess:
    return SandboxProcess(process.data, people=60, accounts=4)


def test_folder_of_another_world_is_refused(process: SandboxProcess) -> None:
    process.stop()
    with pytest.raises(SandboxError, match="another world"):
        SandboxProcess(process.data, people=61).start()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.org"])
def test_other_addresses_than_loopback_are_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"loopback|127\.0\.0\.1"):
        bind(host, 0)


def test_manage_command_serves_without_a_database_and_stops_on_sigterm(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "manage.py",
        "sandbox",
        "--port",
        "0",
        "--data",
        str(tmp_path),
        "--people",
        "20",
    ]
    environment = {
        "OUTREACH_DATA_DIR": str(tmp_path / "own"),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    first, ledger = child.stdout.readline(), child.stdout.readline()
    assert "20 people" in first
    assert "/_ledger" in ledger
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    child.stdout.close()


def test_network_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from automation.channels.sandbox.process import SandboxProcess\n"
        f"print(SandboxProcess(Path({str(tmp_path)!r}), people=5).start().pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs([child], timeout=10)
    assert alive == []


def test_network_ends_when_its_parent_was_gone_before_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setattr("automation.channels.sandbox.process.os.getpid", lambda: gone.pid)
    network = SandboxProcess(tmp_path, people=5).start()
    assert psutil.wait_procs([psutil.Process(network.pid)], timeout=10)[1] == []


# --- How people react ----------------------------------------------------------------------------------------


def test_people_answer_by_their_temper(process: SandboxProcess) -> None:
    control, channel = process.control, _channel(process)
    people = {person.handle: person for person in control.people()}
    for person in people.values():
        channel.message(dm(person))
    assert channel.inbox("").messages == ()
    assert control.run_reactions() == sum(person.temper != "silent" for person in people.values())
    page = channel.inbox("")
    messages = list(page.messages)
    while page.more:
        page = channel.inbox(page.cursor)
        messages += page.messages
    assert {one.handle for one in messages} == {
        one.handle for one in people.values() if one.temper != "silent"
    }
    flags = {people[one.handle].temper: set[bool]() for one in messages}
    for one in messages:
        flags[people[one.handle].temper].add(one.automatic)
    assert flags == {"yes": {False}, "opt_out": {False}, "out_of_office": {True, False}}
    opted_out = {person.handle for person in control.people() if person.opted_out_at}
    assert opted_out == {person.handle for person in people.values() if person.temper == "opt_out"}


def test_reactions_that_were_due_during_a_crash_happen_once(process: SandboxProcess) -> None:
    channel, control = _channel(process), process.control
    for person in control.people():
        channel.message(dm(person))
    waiting = control.health()["reactions_waiting"]
    process.kill()
    process.start()
    assert control.health()["reactions_waiting"] == waiting > 10
    assert control.run_reactions() == waiting
    events = control.health()["events"]
    process.kill()
    process.start()
    assert control.health()["reactions_waiting"] == 0
    assert control.health()["events"] == events


def test_people_react_by_themselves_after_the_delay(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path, people=20, accounts=1, reply_delay=0.4, shares={"yes": 1.0}) as process:
        channel, person = _channel(process), process.control.people()[0]
        channel.message(dm(person))
        assert channel.inbox("").messages == ()
        end = time.monotonic() + 5
        while not channel.inbox("").messages and time.monotonic() < end:
            time.sleep(0.05)
        assert [one.handle for one in channel.inbox("").messages] == [person.handle]


def test_follows_are_returned_and_posts_are_noticed(process: SandboxProcess) -> None:
    channel, control = _channel(process), process.control
    fans = channel.verify().remote_id, channel.profile(channel.verify().handle).followers_count
    for person in control.people():
        channel.follow(Act("follow", uuid4(), remote_id=person.id))
    posts = [channel.publish(Act("post", uuid4(), text=f"Post {number}")).remote_id for number in range(20)]
    control.run_reactions()
    assert (channel.profile("", fans[0]).followers_count or 0) > (fans[1] or 0)
    figures = channel.metrics(posts)
    assert all((one.views or 0) >= one.likes for one in figures)
    assert sum(one.likes for one in figures) > 10
    assert (
        sum(one.replies for one in figures)
        == len([one for one in channel.inbox("").messages if one.post_id])
        > 0
    )


def test_closed_people_take_no_messages(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path, people=10, accounts=1, shares={"closed": 1.0}) as process:
        with pytest.raises(ChannelError, match="no messages"):
            _channel(process).message(dm(process.control.people()[0]))
        assert process.control.summary().total == 0
