"""The embedded PostgreSQL, with servers of the tests' own."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from outreach.lib.postgres import SOCKET_PATH_LIMIT, Embedded, EmbeddedPostgresError

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A server of our own that this process never holds; ``use`` starts those who do."""
    embedded = Embedded.for_checkout(CHECKOUT, tmp_path_factory.mktemp("embedded"))
    yield embedded
    embedded.stop()
    shutil.rmtree(embedded.home)
    shutil.rmtree(embedded.socket_dir, ignore_errors=True)


@pytest.fixture
def use(server: Embedded) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that uses the server: it prints a line once it runs, and ends after reading one."""
    users: list[subprocess.Popen[str]] = []

    def start(then: str = "") -> subprocess.Popen[str]:
        program = f"""
            import sys, os
            from pathlib import Path
            from outreach.lib.postgres import Embedded
            server = Embedded(Path({str(server.home)!r}), Path({str(server.socket_dir)!r}), {server.user!r})
            server.ensure_running()
            print("running", flush=True)
            {then or "sys.stdin.readline()"}
        """
        user = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        users.append(user)
        return user

    yield start
    for user in users:
        user.kill()
        user.communicate()


def running(user: subprocess.Popen[str]) -> None:
    assert user.stdout
    assert user.stdout.readline() == "running\n"


def leave(user: subprocess.Popen[str]) -> None:
    user.communicate("\n", timeout=30)
    assert user.returncode == 0


def answer(server: Embedded) -> int:
    with psycopg.connect(host=str(server.socket_dir), user="outreach", dbname="outreach") as connection:
        row = connection.execute("SELECT 42").fetchone()
    assert row
    return int(row[0])


def killed(process: psutil.Process) -> None:
    """kill -9, and wait until it is really dead: the signal takes its time on a busy machine."""
    process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def postmaster(server: Embedded) -> psutil.Process:
    return psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))


def test_last_user_stops_it_and_not_the_one_before(
    server: Embedded, use: Callable[..., subprocess.Popen[str]]
) -> None:
    first, second = use(), use()
    running(first)
    running(second)
    leave(first)
    assert answer(server) == 42
    leave(second)
    assert not (server.data / "postmaster.pid").exists()


def test_users_that_come_and_go_at_once_all_find_it_running(
    server: Embedded, use: Callable[..., subprocess.Popen[str]]
) -> None:
    look = (
        "import psycopg; "
        f"psycopg.connect(host={str(server.socket_dir)!r}, user='outreach', dbname='outreach').close()"
    )
    users = [use(look) for _ in range(5)]
    for user in users:
        running(user)
        leave(user)
    assert not (server.data / "postmaster.pid").exists()


def test_killed_user_leaves_it_to_the_next(
    server: Embedded, use: Callable[..., subprocess.Popen[str]]
) -> None:
    killed = use()
    running(killed)
    killed.kill()
    killed.wait()
    assert answer(server) == 42
    following = use()
    running(following)
    leave(following)
    assert not (server.data / "postmaster.pid").exists()


def test_forked_child_is_a_user_of_its_own(
    server: Embedded, use: Callable[..., subprocess.Popen[str]]
) -> None:
    # The child starts using it, then its parent ends: what the parent held was not the child's.
    parent = use(
        "\n            ".join(
            [
                "ready, go = os.pipe(), os.pipe()",
                "if os.fork() == 0:",
                "    server.ensure_running(); os.write(ready[1], b'x'); sys.stdin.readline(); os._exit(0)",
                "os.read(ready[0], 1)",
            ]
        )
    )
    running(parent)
    parent.wait(30)
    assert answer(server) == 42
    assert parent.stdin
    parent.stdin.write("\n")
    parent.stdin.flush()


def test_killed_server_is_started_again_by_those_who_hold_it(
    server: Embedded, use: Callable[..., subprocess.Popen[str]]
) -> None:
    user = use(
        "sys.stdin.readline(); server.ensure_running(); print('running', flush=True); sys.stdin.readline()"
    )
    running(user)
    killed(postmaster(server))
    assert user.stdin
    user.stdin.write("\n")
    user.stdin.flush()
    running(user)
    assert answer(server) == 42
    leave(user)


def test_pid_file_of_a_killed_server_whose_number_is_taken_does_not_block_it(
    server: Embedded, use: Callable[..., subprocess.Popen[str]]
) -> None:
    user = use()
    running(user)
    left = (server.data / "postmaster.pid").read_text()
    leave(user)
    identity = {"user": server.user, "group": "nogroup"} if server.user else {}
    with subprocess.Popen(["sleep", "60"], cwd="/", **identity) as stranger:  # type: ignore[call-overload]
        (server.data / "postmaster.pid").write_text(left.replace(left.split("\n")[0], str(stranger.pid), 1))
        following = use()
        running(following)
        assert answer(server) == 42
        leave(following)
        assert stranger.poll() is None
        stranger.kill()


def test_half_made_data_is_made_again(server: Embedded, use: Callable[..., subprocess.Popen[str]]) -> None:
    shutil.rmtree(server.data, ignore_errors=True)
    draft = server.home / "data.new"
    draft.mkdir()
    (draft / "PG_VERSION").write_text("18")
    user = use()
    running(user)
    assert answer(server) == 42
    leave(user)


def test_socket_path_fits_however_long_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = Path("/home") / ("ä" * 60) / ("b" * 80)
    for effective in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda effective=effective: effective)
        embedded = Embedded.for_checkout(deep, deep / ".data")
        assert len(os.fsencode(embedded.socket_dir)) <= SOCKET_PATH_LIMIT


def test_folder_that_cannot_be_made_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(EmbeddedPostgresError, match="DATABASE_URL"):
        Embedded(file / "home", file / "home" / "run", None).ensure_running()


def test_server_that_is_stopped_is_told_at_once(
    server: Embedded, use: Callable[..., subprocess.Popen[str]]
) -> None:
    user = use()
    running(user)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 10
    with pytest.raises(psycopg.OperationalError):
        answer(server)
