"""What a provider tells us of mail it sent for us: each call checked, read by django-anymail, and told in our own words.

Nothing here is believed before the provider has proved itself: by a signature over the call (Mailgun, Resend) or by the
name and password that stand in the address it calls (Postmark, Brevo, which sign nothing).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django.http import HttpRequest

from automation.channels.base import Notice
from automation.channels.email import replies
from automation.channels.email.mailbox import PROVIDERS

DELIVERED, OPTED_OUT = "delivered", "opted_out"
# Providers call again for up to 12 hours while we are away. What is older was recorded by somebody who plays it again.
OLDEST = timedelta(days=1)
# Resend signs every call anew, with its own time.
OLDEST_SIGNED_ANEW = timedelta(minutes=5)
AHEAD = timedelta(minutes=5)  # by which a provider's clock may be before ours
DETAIL_LENGTH = 300
_VIEWS = {name: f"{name.title()}TrackingWebhookView" for name in PROVIDERS}
# Anymail's words for what happened; the module itself is loaded by the first call.
_BOUNCES = ("bounced", "rejected")
_SOFT = {"softbounce", "soft_bounce", "transient", "undetermined"}
_HARD = {"hardbounce", "hard_bounce", "permanent"}


class Forged(Exception):
    """The call does not prove to be the provider's."""


class TooOld(Exception):
    """The call was made long ago: somebody plays it again."""


class Unreadable(Exception):
    """The call is not what the provider documents."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing a provider tells: ``kind`` is ``delivered``, ``opted_out`` or that of ``notice``.

    ``send_id`` names our act where the provider gives it back, ``message_id`` is the provider's own name for the mail, and
    ``event_id`` is the same however often the same thing is told. ``proof`` is what may prove one call only: Mailgun signs a
    number of its own and not what it says, so the same number must never stand for anything else.
    """

    kind: str
    address: str
    message_id: str
    send_id: str
    event_id: str
    notice: Notice | None = None
    proof: str = ""


def read(provider: str, request: HttpRequest, secret: str) -> list[Told]:
    """What one call tells; things that have no consequences (opened, clicked) are left out.

    Raises :class:`Forged`, :class:`TooOld` or :class:`Unreadable`, whose words are fit for the answer.
    """
    view, errors = _view(provider, secret), import_module("anymail.exceptions")
    try:
        if provider == "resend":
            check_signature(request.headers, request.body, secret)
        else:
            view.run_validators(request)
        proof = _signed_number(request.body) if provider == "mailgun" else ""
        events = view.parse_events(request)
    except errors.AnymailWebhookValidationFailure:
        raise Forged("The signature or the password of this call is wrong.") from None
    except (errors.AnymailError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        raise Unreadable(f"This is no call as {provider.title()} documents it.") from None
    for event in events:
        _check_age(event.timestamp, OLDEST)
    return [told for event in events if (told := _told(provider, event, proof))]


def _signed_number(body: bytes) -> str:
    """What Mailgun signed, with the time of it: :class:`TooOld`; its older calls, which are forms, are not taken."""
    signature = json.loads(body)["signature"]
    _check_age(datetime.fromtimestamp(int(signature["timestamp"]), UTC), OLDEST)
    return str(signature["token"])[:100]


def _view(provider: str, secret: str) -> Any:
    """Anymail's reader of this provider's calls."""
    found = getattr(import_module(f"anymail.webhooks.{provider}"), _VIEWS[provider])
    if provider == "mailgun":
        return found(webhook_signing_key=secret)
    return found(webhook_secret=[secret])


def check_signature(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """Resend's signature (Standard Webhooks): HMAC-SHA256 over id, time and body; :class:`Forged` or :class:`TooOld`."""
    number, at, given = (headers.get(f"svix-{name}", "") for name in ("id", "timestamp", "signature"))
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        moment = datetime.fromtimestamp(int(at), UTC)
    except (binascii.Error, ValueError, OverflowError, OSError):
        raise Forged("The call is not signed, or the signing secret is not one.") from None
    made = hmac.digest(key, f"{number}.{at}.".encode() + body, hashlib.sha256)
    wanted = f"v1,{base64.b64encode(made).decode()}"
    if not any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given.split()):
        raise Forged("The signature of this call is wrong.")
    _check_age(moment, OLDEST_SIGNED_ANEW)


def _check_age(at: datetime | None, oldest: timedelta) -> None:
    """What does not tell its time is taken: it is kept once all the same."""
    now = datetime.now(UTC)
    if at is not None and not now - oldest <= at.replace(tzinfo=at.tzinfo or UTC) <= now + AHEAD:
        raise TooOld(f"This call is about {at:%Y-%m-%d %H:%M}, which is too long ago or yet to come.")


def _told(provider: str, event: Any, proof: str) -> Told | None:
    notice = _notice(event)
    kind = notice.kind if notice else _KINDS.get(str(event.event_type), "")
    if not kind:
        return None
    message_id = str(event.message_id or "").strip("<>")[:255]
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    return Told(
        kind=kind,
        address=str(event.recipient or "")[:320],
        message_id=message_id,
        send_id=str(metadata.get("send_id") or "")[:64],
        event_id=_same_every_time(provider, kind, message_id, event),
        notice=notice,
        proof=proof,
    )


_KINDS = {"delivered": DELIVERED, "unsubscribed": OPTED_OUT}


def _same_every_time(provider: str, kind: str, message_id: str, event: Any) -> str:
    """A name for what happened to one mail. Not the provider's number of the call, which may change when it calls again."""
    what = [provider, kind, message_id, str(event.recipient or "").lower(), str(event.timestamp or "")]
    return f"{provider}:{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:40]}"


def _notice(event: Any) -> Notice | None:
    """The event as a mail system's report; ``None`` where it is none."""
    said = " ".join(str(event.mta_response or event.description or "").split())[:DETAIL_LENGTH]
    kind = next((kind for types, kind in _NOTICES if event.event_type in types), None)
    if kind is None:
        return None
    status = replies.enhanced(said)
    code = ".".join(map(str, status)) if status else ""
    return Notice(kind(event, code, said), str(event.recipient or "")[:320].lower(), code, said)


def _bounce(event: Any, status: str, said: str) -> str:
    """Hard, soft or blocked: by the provider's own class where it tells, else by what the mail system said."""
    if _own_class(event) in _SOFT:
        return "soft"
    if event.reject_reason == "blocked":
        return "blocked"
    if _own_class(event) in _HARD or event.reject_reason == "invalid":
        return "hard"
    return str(replies.bounce_of(status, said))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _own_class(event: Any) -> str:
    raw = _object(event.esp_event)
    bounce = _object(_object(raw.get("data")).get("bounce"))
    return str(raw.get("Type") or bounce.get("type") or raw.get("event") or "").lower()


_NOTICES: tuple[tuple[tuple[str, ...], Callable[[Any, str, str], str]], ...] = (
    (_BOUNCES, _bounce),
    (("deferred",), lambda event, status, said: "delayed"),
    (("complained",), lambda event, status, said: "complaint"),
)
