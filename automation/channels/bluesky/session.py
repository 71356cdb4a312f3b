"""The tokens of one account: got for its app password, refreshed until they no longer can be."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from automation.channels.base import Secret

EARLY_SECONDS = 60.0  # a token is renewed this long before its end, so that none ends under way


@dataclass(frozen=True, slots=True)
class Session:
    """Who we are and what proves it; ``server`` is where the account's records live."""

    did: str
    handle: str
    server: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)

    @property
    def is_ending(self) -> bool:
        """Whether the access token is about to end, as far as it tells."""
        ends = _claims(self.access).get("exp")
        return isinstance(ends, int | float) and ends - time.time() < EARLY_SECONDS


def stored(secret: Secret) -> Session | None:
    """The session kept with a secret; ``None`` when there is none or it is not one."""
    found = secret.get("session")
    names = Session.__dataclass_fields__
    if not isinstance(found, dict) or set(found) != set(names):
        return None
    return Session(**found) if all(isinstance(value, str) for value in found.values()) else None


def with_session(secret: Secret, session: Session) -> Secret:
    """The secret with its session replaced."""
    return {**secret, "session": asdict(session)}


def read(answer: Any, asked: str) -> Session:
    """The session in the answer of the server ``asked``; :class:`KeyError` or :class:`TypeError` when there is none."""
    names = ("did", "handle", "accessJwt", "refreshJwt")
    did, handle, access, refresh = (str(answer[name]) for name in names)
    return Session(did, handle, _server_of(answer.get("didDoc"), asked), access, refresh)


def _server_of(document: Any, asked: str) -> str:
    """Where the account lives by its identity document; tokens go there only by https, or as we came ourselves."""
    services = document.get("service") if isinstance(document, Mapping) else None
    for service in services if isinstance(services, list) else ():
        if isinstance(service, Mapping) and str(service.get("id", "")).endswith("#atproto_pds"):
            place = str(service.get("serviceEndpoint") or "").rstrip("/")
            if urlsplit(place).scheme in ("https", urlsplit(asked).scheme):
                return place
    return asked


def _claims(token: str) -> Mapping[str, Any]:
    """What a token says of itself, unproved; empty when it is no such token."""
    try:
        middle = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}
