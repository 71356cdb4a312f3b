"""Mail as checks of faults need it: through SMTP, and through a provider's API."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from accounts.enums import ActionKind
from accounts.models import Account
from leads.models import Profile
from tests.channels.email.world import MailWorld
from tests.channels.loopback import Loopback, Reply, Request
from tests.chaos.gate import Gate
from tests.chaos.stand import Stand
from tests.factories import make_account, make_lane, make_profile


class _Postmark(Loopback):
    """Postmark's API: takes every mail."""

    def answer(self, request: Request) -> Reply:
        taken = {"MessageID": f"{len(self.requests)}-b7bc", "ErrorCode": 0, "Message": "OK"}
        return Reply(200, {"To": request.json["To"], **taken})


class ProviderStand(Stand):
    """Mail through a provider's API."""

    network, kind = "email", ActionKind.EMAIL

    def start(self) -> None:
        self._api = _Postmark()
        self.gate = Gate(
            self._api.url, "POST /.*", lambda headers: headers.get("X-Postmark-Server-Token") or ""
        )

    def stop(self) -> None:
        self.gate.close()
        self._api.stop()

    def somebody(self) -> Profile:
        return make_profile("somebody@people.test", network=self.network)

    def join(self, number: int) -> Account:
        handle = f"ours{number}@provider.test"
        secret = {
            "password": "-",
            "provider": "postmark",
            "provider_key": handle,
            "provider_url": f"{self.gate.url}/",
        }
        return self.keep(handle, secret, server="")

    def payload(self, note: str) -> dict[str, Any]:
        return {"text": note, "subject": note}


class SmtpStand(Stand):
    """Mail through SMTP: no gate, the server has faults of its own."""

    network, kind, names_waits = "email", ActionKind.EMAIL, False

    def start(self) -> None:
        self.world = MailWorld()
        self._hole: socket.socket | None = None
        self._held: list[float] = []
        self._refused: dict[str, int] = {}

    def stop(self) -> None:
        self._close_hole()
        self.world.close()

    def somebody(self) -> Profile:
        return make_profile("somebody@people.test", network=self.network)

    def join(self, number: int) -> Account:
        handle = f"ours{number}@ours.test"
        secret = self.world.mailbox(handle)
        account = make_account(
            network=self.network, handle=handle, server="", secret=secret, sending_gap=0, remote_id=""
        )
        make_lane(account)
        return account

    def payload(self, note: str) -> dict[str, Any]:
        return {"text": note, "subject": note}

    def black_hole(self) -> None:
        """A port that takes connections and never greets."""
        self._hole = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = str(self._hole.getsockname()[1])
        threading.Thread(target=self._swallow, args=(self._hole,), daemon=True).start()
        for account in self.accounts:
            self._point(account, smtp_port=port, imap_port=port)

    def _point(self, account: Account, **ports: str) -> None:
        account.credential.secret = {**account.credential.secret, **ports}
        account.credential.save(update_fields=["secret"])

    def _swallow(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._wait_for, args=(caller,), daemon=True).start()

    def _wait_for(self, caller: socket.socket) -> None:
        began = time.monotonic()
        with caller:
            while caller.recv(100):
                pass
        self._held.append(time.monotonic() - began)

    def _close_hole(self) -> None:
        if self._hole is not None:
            self._hole.shutdown(socket.SHUT_RDWR)
            self._hole.close()
            self._hole = None

    def held(self) -> list[float]:
        return self._held

    def fail(self, account: Account) -> None:
        self.world.smtp.fault("mail", "451 4.3.0 not now", address=account.handle, count=1_000_000)

    def halve(self, account: Account, *, count: int) -> None:
        """Half an answer: the server takes the mail, and the line ends before it says so."""
        self.world.smtp.fault("dot", sender=account.handle, taken=True, count=count)

    def expire(self, account: Account) -> None:
        self.world.users[account.handle] = "changed"

    def calm(self, accounts: Sequence[Account] = ()) -> None:
        if not accounts:
            self._close_hole()
            for account in self.accounts:
                self._point(account, smtp_port=str(self.world.smtp.port), imap_port=str(self.world.imap.port))
            self.world.smtp.calm()
        for account in accounts:
            self.world.users[account.handle] = f"pass-{account.handle}"

    def tries(self, account: Account) -> dict[int, list[float]]:
        """The server counts commands, not notes: one row for each account that has a single act."""
        return {
            1: [at for step, who, at in self.world.smtp.steps if step == "mail" and who == account.handle]
        }

    def early(self) -> int:
        return 0

    def refused(self, account: Account) -> int:
        return sum(step == "refused" and who == account.handle for step, who, _ in self.world.smtp.steps)

    def taken(self) -> int:
        return len(self.world.smtp.taken)

    def copies(self) -> int:
        ids = [mail.message_id for mail in self.world.smtp.taken]
        return len(ids) - len(set(ids))
