"""Postfix and Dovecot, installed by ``tests/peers/mail/install``: instances of our own, on loopback, gone afterwards.

    python -m tests.peers.mail.server

runs them until Ctrl-C and prints how to connect a mailbox.
"""

from __future__ import annotations

import contextlib
import imaplib
import os
import pwd
import shutil
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from automation.channels.base import Login
from tests.channels.email.smtp_server import SmtpServer
from tests.peers import standing
from tests.peers.mail import certificates, configuration
from tests.peers.mail.configuration import Ports
from tests.peers.mail.greylist import Greylist

HERE = "127.0.0.1"
PROGRAMS = (Path("/usr/sbin/postfix"), Path("/usr/sbin/dovecot"), Path("/usr/lib/dovecot/lmtp"))
VACATION = Path("/usr/lib/dovecot/modules/lib90_sieve_plugin.so")
OWNER = "mail"  # the system's user whose the mailboxes are
START_SECONDS = 30.0
GREYLISTED_SECONDS = 1.0
_STOP_SECONDS = 15.0


def is_runnable() -> bool:
    """Whether both are installed here and may be started: they change to users of their own, which only root can."""
    return all(program.exists() for program in (*PROGRAMS, VACATION)) and os.geteuid() == 0


class Postoffice:
    """Both servers, running, and the ``remote`` one beyond them. Ends with :meth:`close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets: dict[str, str] = {}
        self._stack = contextlib.ExitStack()
        self._dovecot: subprocess.Popen[bytes] | None = None
        self._sending = False
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._stack.close()

    def _start(self) -> None:
        self.remote = SmtpServer({}, auth_required=False)
        self._stack.callback(self.remote.close)
        self.greylist = Greylist("grey.test", seconds=GREYLISTED_SECONDS)
        self._stack.callback(self.greylist.close)
        self.ports = Ports(*_free_ports(Ports.number()))
        authority = certificates.authority(self.folder)
        self.bundle = authority.bundle
        certificate, key = authority.issue("server")
        stale_certificate, stale_key = authority.issue("stale", days=-1)
        owner = pwd.getpwnam(OWNER)
        configuration.write(
            self.folder, self.ports, certificate=certificate, key=key, stale_certificate=stale_certificate,
            stale_key=stale_key, remote=self.remote.port, greylist=self.greylist.port, uid=owner.pw_uid, gid=owner.pw_gid,
        )  # fmt: skip
        self.folder.chmod(0o755)
        (self.folder / "mail").mkdir()
        shutil.chown(self.folder / "mail", OWNER, OWNER)
        (self.folder / "state").mkdir()
        shutil.chown(self.folder / "state", "postfix")
        (self.folder / "queue").mkdir()
        self._stack.callback(self.imap_down)
        self.imap_up()
        self._start_postfix()

    def _start_postfix(self) -> None:
        self._postfix("start")
        self._stack.callback(self._postfix, "stop")
        self._sending = True
        for port in (self.ports.submission, self.ports.relay):
            _wait_for_port(port, self.log)

    def _postfix(self, word: str) -> None:
        command = [str(PROGRAMS[0]), "-c", str(self.folder / "postfix"), word]
        done = subprocess.run(command, capture_output=True, timeout=START_SECONDS, check=False)
        if done.returncode:
            raise RuntimeError(f"postfix {word} failed: {done.stderr.decode()[-1500:]}\n{self.log()}")

    def imap_up(self) -> None:
        """Start Dovecot, on the same ports as ever, and have Postfix ask the new one who may sign in."""
        command = [str(PROGRAMS[1]), "-F", "-c", str(self.folder / "dovecot.conf")]
        self._dovecot = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _wait_for_port(self.ports.imap, self.log)
        _until((self.folder / "lmtp").exists, "Dovecot takes no mail")
        if self._sending:
            self._postfix("reload")

    def imap_down(self) -> None:
        """Stop Dovecot; mail that arrives waits in Postfix."""
        if self._dovecot is not None:
            self._dovecot.terminate()
            self._dovecot.wait(_STOP_SECONDS)
            self._dovecot = None

    def log(self) -> str:
        """The end of what both have to say."""
        files = (self.folder / name for name in ("postfix.log", "dovecot.log"))
        return "\n".join(path.read_text(errors="replace")[-4000:] for path in files if path.exists())

    # --- Mailboxes -------------------------------------------------------------------------------------------------

    def add(self, address: str, password: str = "", *, quota: str = "", sieve: str = "") -> None:
        """A mailbox, if it is not there yet.

        ``quota`` is Dovecot's rule, e.g. ``*:storage=1K``, ``sieve`` a script that sees what arrives.
        """
        if address in self.secrets:
            return
        password = password or f"pass-{address}"
        self.secrets[address] = password
        extra = f"userdb_quota_rule={quota}" if quota else ""
        home = self._home(address)
        home.mkdir(parents=True)
        if sieve:
            (home / ".dovecot.sieve").write_text(sieve)
        for path in (home.parent, home, *home.iterdir()):
            shutil.chown(path, OWNER, OWNER)
        (self.folder / "users" / address).write_text(f"{address}:{password}::::::{extra}\n")

    def mailbox(self, address: str) -> dict[str, Any]:
        """A mailbox of ours; gives the secret to sign in with."""
        self.add(address)
        return self.secret(address)

    def secret(self, address: str, **changes: str) -> dict[str, Any]:
        """What an operator enters for a mailbox, for STARTTLS in both directions unless ``changes`` say otherwise."""
        return {
            "password": self.secrets[address], "from_name": "Ann Example",
            "smtp_host": HERE, "smtp_port": str(self.ports.submission), "smtp_security": "starttls",
            "imap_host": HERE, "imap_port": str(self.ports.imap), "imap_security": "starttls", **changes,
        }  # fmt: skip

    def login(self, address: str, **changes: str) -> Login:
        """As the engine hands it to the driver."""
        return Login(account_id=1, handle=address, secret=self.secret(address, **changes))

    def inbox(self, address: str, folder: str = "") -> list[bytes]:
        """What lies in a mailbox, oldest first, as it lies on the disk."""
        maildir = self._home(address) / "Maildir" / (f".{folder}" if folder else "")
        found = [
            path
            for part in ("new", "cur")
            if (maildir / part).exists()
            for path in (maildir / part).iterdir()
        ]
        return [path.read_bytes() for path in sorted(found, key=lambda path: path.name)]

    def wait_for(
        self, address: str, count: int = 1, folder: str = "", *, seconds: float = 20.0
    ) -> list[bytes]:
        """The mailbox once it holds ``count`` mails."""
        _until(
            lambda: len(self.inbox(address, folder)) >= count,
            f"{address} has {len(self.inbox(address, folder))} mails instead of {count}", seconds, self.log,
        )  # fmt: skip
        return self.inbox(address, folder)

    def renumber(self, address: str) -> None:
        """The mailbox is rebuilt: the same mails under new numbers and a new validity."""
        self.imap_down()
        for path in (self._home(address) / "Maildir").glob("dovecot*"):
            if path.name != "dovecot-keywords":
                path.unlink()
        time.sleep(1.1)  # validities are seconds
        self.imap_up()

    @contextlib.contextmanager
    def program(self, address: str) -> Iterator[imaplib.IMAP4]:
        """A person's mail program with the inbox open; no code of ours."""
        box = imaplib.IMAP4(HERE, self.ports.imap)
        box.starttls(ssl.create_default_context(cafile=str(self.bundle)))
        box.login(address, self.secrets[address])
        box.select("INBOX")
        yield box
        box.logout()

    def _home(self, address: str) -> Path:
        name, _, domain = address.partition("@")
        return self.folder / "mail" / domain / name

    # --- Other people ----------------------------------------------------------------------------------------------

    def writes(self, sender: str, recipient: str, text: str, **headers: str) -> str:
        """Somebody writes a mail, by the port for mail from elsewhere; gives its Message-ID."""
        message = EmailMessage()
        message["From"], message["To"] = sender, recipient
        message["Subject"] = headers.pop("Subject", "Hello")
        message["Message-ID"] = f"<{time.time_ns()}@people.test>"
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        message.set_content(text)
        with smtplib.SMTP(HERE, self.ports.relay, timeout=10) as client:
            client.send_message(message, sender, [recipient])
        return str(message["Message-ID"]).strip("<>")


def _until(
    holds: Callable[[], bool], told: str, seconds: float = START_SECONDS, log: Callable[[], str] = str
) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > ends:
            raise RuntimeError(f"{told} after {seconds:.0f} s.\n{log()}")
        time.sleep(0.05)


def _wait_for_port(port: int, log: Callable[[], str]) -> None:
    def answers() -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HERE, port), timeout=2) as found:
            return bool(found.recv(10))
        return False

    _until(answers, f"Port {port} does not answer", log=log)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(socket.create_server((HERE, 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in found]


@contextlib.contextmanager
def running() -> Iterator[Postoffice]:
    """Both servers in a folder of their own, gone afterwards."""
    # Paths of sockets are short, and the servers' users have to get in.
    with tempfile.TemporaryDirectory(prefix="mail", dir="/tmp") as folder:
        found = Postoffice(Path(folder))
        try:
            yield found
        finally:
            found.close()


def main() -> int:
    """Run them for people; returns the exit code."""
    if not is_runnable():
        program = Path(__file__).with_name("install")
        print(f"They are not installed, or this is not root. Run as root: {program}", file=sys.stderr)
        return 1
    standing.end_with_everything()
    with running() as post:
        for address in ("ann@ours.test", "bob@people.test"):
            post.add(address)
            shown = " ".join(f"{name}={value}" for name, value in post.secret(address).items())
            print(f"{address} {shown}", flush=True)
        print(f"TLS_CA_FILE={post.bundle}", flush=True)
        standing.stay()
    return 0


if __name__ == "__main__":
    sys.exit(main())
