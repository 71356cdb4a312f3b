"""Calls as the providers document them, signed as they sign them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.test import Client

PASSWORD = "outreach:a-long-password"
SECRETS = {
    "brevo": PASSWORD,
    "mailgun": "key-of-mailgun",
    "postmark": PASSWORD,
    "resend": f"whsec_{base64.b64encode(b'key of resend').decode()}",
}


@dataclass(frozen=True)
class Call:
    """What happened to one mail, as each provider says it."""

    event: str  # delivered, hard, soft, complaint, opened
    address: str
    message_id: str
    send_id: str = ""
    at: float = 0.0
    words: str = ""
    number: str = "1b6d0c4e"

    @property
    def when(self) -> datetime:
        return datetime.fromtimestamp(self.at or time.time(), UTC)


def post(provider: str, call: Call, *, secret: str = "", at: float | None = None) -> int:
    """Call us as ``provider`` does; the status we answered. ``at`` is when it was signed."""
    body, headers = SHAPES[provider](call, secret or SECRETS[provider], at or time.time())
    path = f"/hooks/mail/{provider}"
    return Client(enforce_csrf_checks=True).post(path, body, "application/json", headers=headers).status_code


def _basic(secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}


def _postmark(call: Call, secret: str, _: float) -> tuple[str, dict[str, str]]:
    kind, stamp = {
        "delivered": ("Delivery", "DeliveredAt"), "complaint": ("SpamComplaint", "BouncedAt"), "opened": ("Open", "ReceivedAt"),
    }.get(call.event, ("Bounce", "BouncedAt"))  # fmt: skip
    classes = {"hard": "HardBounce", "soft": "SoftBounce", "complaint": "SpamComplaint"}
    body: dict[str, Any] = {
        "RecordType": kind, "MessageID": call.message_id, "Email": call.address, "Recipient": call.address,
        stamp: call.when.isoformat(), "Metadata": {"send_id": call.send_id} if call.send_id else {}, "Details": call.words,
    }  # fmt: skip
    if call.event in classes:
        body |= {"Type": classes[call.event], "ID": 4323372036854775807, "Inactive": True}
    return json.dumps(body), _basic(secret)


def _brevo(call: Call, secret: str, _: float) -> tuple[str, dict[str, str]]:
    names = {"hard": "hard_bounce", "soft": "soft_bounce", "complaint": "spam"}
    body = {
        "event": names.get(call.event, call.event), "email": call.address, "message-id": f"<{call.message_id}>",
        "ts_epoch": int(call.when.timestamp() * 1000), "reason": call.words,
        "X-Mailin-custom": json.dumps({"send_id": call.send_id} if call.send_id else {}),
    }  # fmt: skip
    return json.dumps(body), _basic(secret)


def _mailgun(call: Call, secret: str, at: float) -> tuple[str, dict[str, str]]:
    stamp, token = str(int(at)), call.number
    signature = hmac.new(secret.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    names = {"hard": "failed", "soft": "failed", "complaint": "complained"}
    data: dict[str, Any] = {
        "event": names.get(call.event, call.event), "recipient": call.address, "timestamp": call.when.timestamp(),
        "message": {"headers": {"message-id": call.message_id}},
        "user-variables": {"send_id": call.send_id} if call.send_id else {},
        "delivery-status": {"message": call.words, "code": 550},
    }  # fmt: skip
    if data["event"] == "failed":
        data |= {"severity": "permanent", "reason": "generic"}
    body = {"signature": {"timestamp": stamp, "token": token, "signature": signature}, "event-data": data}
    return json.dumps(body), {}


def _resend(call: Call, secret: str, at: float) -> tuple[str, dict[str, str]]:
    names = {"hard": "bounced", "soft": "bounced", "complaint": "complained"}
    data: dict[str, Any] = {"email_id": call.message_id, "to": [call.address], "headers": []}
    if call.send_id:
        data["headers"] = [{"name": "X-Metadata", "value": json.dumps({"send_id": call.send_id})}]
    if call.event in ("hard", "soft"):
        kind = "Permanent" if call.event == "hard" else "Transient"
        data["bounce"] = {
            "message": f"The recipient's server sent a bounce message. {call.words}",
            "type": kind,
        }
    event = {
        "type": f"email.{names.get(call.event, call.event)}",
        "created_at": call.when.isoformat(),
        "data": data,
    }
    body, number = json.dumps(event), "msg_2ya"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.digest(key, f"{number}.{int(at)}.{body}".encode(), "sha256")
    signature = f"v1,bm9wZQ== v1,{base64.b64encode(made).decode()}"
    return body, {"svix-id": number, "svix-timestamp": str(int(at)), "svix-signature": signature}


SHAPES: dict[str, Callable[[Call, str, float], tuple[str, dict[str, str]]]] = {
    "brevo": _brevo,
    "mailgun": _mailgun,
    "postmark": _postmark,
    "resend": _resend,
}
