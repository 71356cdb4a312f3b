"""A policy service for Postfix that puts off the first try of each sender and recipient, as greylisting does."""

from __future__ import annotations

import socketserver
import threading
import time
from typing import cast

LATER = "action=DEFER_IF_PERMIT Greylisted, see http://postgrey.example.org/help/people.html"
WELCOME = "action=DUNNO"


class Greylist(socketserver.ThreadingTCPServer):
    """Runs until :meth:`close`; ``first_seen`` holds when each pair first came, ``seconds`` how long it is put off."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, domain: str, *, seconds: float) -> None:
        self.domain, self.seconds = domain, seconds
        self.first_seen: dict[tuple[str, str], float] = {}
        super().__init__(("127.0.0.1", 0), _Questions)
        self.port = int(self.server_address[1])
        threading.Thread(target=self.serve_forever, name="greylist", daemon=True).start()

    def judge(self, sender: str, recipient: str) -> str:
        """What Postfix is to do."""
        if not recipient.endswith(f"@{self.domain}"):
            return WELCOME
        first = self.first_seen.setdefault((sender, recipient), time.monotonic())
        return WELCOME if time.monotonic() - first >= self.seconds else LATER

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Questions(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        asked: dict[str, str] = {}
        for line in self.rfile:
            name, _, value = line.decode("utf-8", "replace").strip().partition("=")
            if name:
                asked[name] = value
                continue
            answer = cast(Greylist, self.server).judge(asked.get("sender", ""), asked.get("recipient", ""))
            self.wfile.write(f"{answer}\n\n".encode())
            asked = {}
