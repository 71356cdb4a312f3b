"""Social networks as checks of faults need them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from accounts.enums import ActionKind
from accounts.models import Account
from leads.models import Profile
from tests.channels.bluesky.pds import POST, Pds
from tests.channels.instagram.server import GraphServer
from tests.channels.instagram.shapes import Member
from tests.channels.mastodon.conftest import MockServer
from tests.channels.x.server import Member as XMember
from tests.channels.x.server import XServer
from tests.chaos.gate import Gate
from tests.chaos.stand import ACCOUNTS, Stand
from tests.factories import make_profile


class BlueskyStand(Stand):
    network, kind, renews = "bluesky", ActionKind.REPLY, True

    def start(self) -> None:
        self.pds = Pds()
        self._dids: dict[str, str] = {}
        self.gate = Gate(self.pds.url, r"POST /xrpc/com\.atproto\.repo\.createRecord", self._did)

    def stop(self) -> None:
        self.gate.close()
        self.pds.close()

    def _did(self, headers: Any) -> str:
        token = (headers.get("Authorization") or "").removeprefix("Bearer ")
        if token in self.pds.tokens:
            self._dids[token] = self.pds.tokens[token][1]
        return self._dids.get(token, "")

    def somebody(self) -> Profile:
        handle, _ = self.pds.join("somebody")
        did = self.pds.people[handle]
        self._post = f"at://{did}/{POST}/3jzfcijpj2z2a"
        self.pds.records[self._post] = {
            "$type": POST,
            "text": "What are you reading?",
            "createdAt": "2025-01-01T00:00:00.000Z",
        }
        return make_profile(handle, network=self.network, remote_id=did)

    def join(self, number: int) -> Account:
        handle, password = self.pds.join(f"ours{number}")
        return self.keep(handle, {"app_password": password}, remote_id=self.pds.people[handle])

    def who(self, account: Account) -> str:
        return account.remote_id

    def payload(self, note: str) -> dict[str, Any]:
        return {"text": note, "post_id": self._post}

    def busy(self) -> bytes:
        return b'{"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}'

    def expire(self, account: Account) -> None:
        tokens = self.pds.tokens.items()
        self.pds.tokens = {token: own for token, own in tokens if own != ("access", account.remote_id)}

    def refreshes(self) -> int:
        return self.pds.calls["com.atproto.server.refreshSession"]


class MastodonStand(Stand):
    network = "mastodon"

    def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mastodon-")
        names = ["somebody", *(f"ours{number}" for number in range(ACCOUNTS))]
        rows = [f'[[seed.accounts]]\nusername = "{name}"\naccess_token = "{name}_token"\n' for name in names]
        config = Path(self._folder.name) / "mock.toml"
        config.write_text("\n".join(rows))
        self._server = MockServer(Path(self._folder.name), config=config)
        self.gate = Gate(self._server.url, "POST /api/v1/statuses", _bearer_name)

    def stop(self) -> None:
        self.gate.close()
        self._server.stop()
        self._folder.cleanup()

    def join(self, number: int) -> Account:
        return self.keep(f"ours{number}", {"token": f"ours{number}_token"})


def _bearer_name(headers: Any) -> str:
    return str(headers.get("Authorization") or "").removeprefix("Bearer ").removesuffix("_token")


class XStand(Stand):
    network, renews = "x", True

    def start(self) -> None:
        self.server = XServer()
        self._owners: dict[str, str] = {}
        self.gate = Gate(self.server.url, r"POST /2/dm_conversations/with/\d+/messages", self._owner)

    def stop(self) -> None:
        self.gate.close()
        self.server.stop()

    def _owner(self, headers: Any) -> str:
        token = str(headers.get("Authorization") or "").removeprefix("Bearer ")
        self._owners |= self.server.tokens
        return self._owners.get(token, "")

    def somebody(self) -> Profile:
        return make_profile("grace_h", network=self.network, remote_id="1002")

    def join(self, number: int) -> Account:
        own = str(2000 + number)
        self.server.members[own] = XMember(own, f"ours{number}", f"Ours {number}")
        self.server.tokens[f"ours-{number}"] = self.server.refresh_tokens[f"again-{number}"] = own
        secret = {"access_token": f"ours-{number}", "refresh_token": f"again-{number}", "client_id": "app"}
        return self.keep(f"ours{number}", secret, remote_id=own)

    def who(self, account: Account) -> str:
        return account.remote_id

    def busy(self) -> bytes:
        return b'{"title": "Too Many Requests", "detail": "Too Many Requests", "status": 429}'

    def expire(self, account: Account) -> None:
        with self.server.lock:
            tokens = self.server.tokens.items()
            self.server.tokens = {token: own for token, own in tokens if own != account.remote_id}

    def refreshes(self) -> int:
        return self.server.refreshes


class InstagramStand(Stand):
    network = "instagram"

    def start(self) -> None:
        self.server = GraphServer()
        self.gate = Gate(self.server.url, r"POST /v24\.0/me/messages", self._owner)

    def stop(self) -> None:
        self.gate.close()
        self.server.stop()

    def _owner(self, headers: Any) -> str:
        token = str(headers.get("Authorization") or "").removeprefix("Bearer ")
        member = self.server.tokens.get(token)
        return member.username if member else ""

    def somebody(self) -> Profile:
        return make_profile("guest.of_honour", network=self.network, remote_id=self.server.guest.user_id)

    def join(self, number: int) -> Account:
        member = Member(f"1784140000001{number:04}", f"ours{number}", f"Ours {number}")
        self.server.members[member.user_id] = self.server.tokens[f"ours-{number}"] = member
        self.server.write(self.server.guest, member, "Hello, do you ship to Norway?")
        secret = dict.fromkeys(("access_token", "facebook_token"), f"ours-{number}")
        return self.keep(member.username, secret, remote_id=member.user_id)

    def busy(self) -> bytes:
        return b'{"error": {"message": "Application request limit reached", "code": 4}}'

    def refusal(self) -> bytes:
        return b'{"error": {"message": "Session has expired", "type": "OAuthException", "code": 190}}'
