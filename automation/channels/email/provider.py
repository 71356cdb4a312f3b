"""Sending through a provider's API instead of SMTP: django-anymail's drivers over our own checked connections."""

from __future__ import annotations

from email.message import EmailMessage
from importlib import import_module
from typing import Any

import httpx
import requests
from anymail.exceptions import AnymailError
from anymail.message import AnymailMessage
from requests.structures import CaseInsensitiveDict

from automation.channels.base import Act, AuthFailed, ChannelError, NotFound, Refused, TryLater, Unknown
from automation.channels.email.errors import DETAIL_LENGTH
from automation.channels.email.mailbox import Mailbox, Provider
from automation.channels.hiding import hide
from automation.channels.line import NEVER_SENT, retry_after
from outreach.lib import net
from outreach.lib.net import ForbiddenAddress

# How each driver calls its key, and the headers that make a provider keep our Message-ID.
KEYS = {"postmark": "server_token", "mailgun": "api_key", "brevo": "api_key", "resend": "api_key"}
KEEP_OUR_ID = {"postmark": {"X-PM-KeepID": "true"}}
CARRIED = ("Message-ID", "In-Reply-To", "References", "List-Unsubscribe", "List-Unsubscribe-Post")
REFUSED = frozenset({"rejected", "invalid", "failed"})


class _Session:
    """What anymail takes for its ``requests.Session``: our checked connections, and what happened on them."""

    def __init__(self, proxy: str) -> None:
        self.headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        self.failure: Exception | None = None
        self.answer: httpx.Response | None = None
        self._client = net.client(timeout=15.0, proxy=proxy)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        content = {
            name: options[name] for name in ("params", "data", "json", "files", "auth") if options.get(name)
        }
        headers = {**self.headers, **(options.get("headers") or {})}
        if isinstance(content.get("data"), str | bytes):
            content["content"] = content.pop("data")
        if isinstance(content.get("auth"), requests.auth.HTTPBasicAuth):
            content["auth"] = (content["auth"].username, content["auth"].password)
        try:
            self.answer = self._client.request(method, url, headers=headers, **content)
        except (httpx.HTTPError, httpx.InvalidURL, ForbiddenAddress) as error:
            self.failure = error
            raise requests.ConnectionError(type(error).__name__) from None
        return _as_requests(self.answer)

    def close(self) -> None:
        self._client.close()


def _as_requests(answer: httpx.Response) -> requests.Response:
    found = requests.Response()
    found.status_code, found.reason, found.url = answer.status_code, answer.reason_phrase, str(answer.url)
    found.headers.update(answer.headers)
    found._content, found.encoding = answer.content, answer.encoding
    return found


def send(mailbox: Mailbox, message: EmailMessage, act: Act) -> str:
    """Hand one message to the provider; the id by which it tracks it. Raises a channel's error.

    An answer that got lost on its way is :class:`Unknown`: providers cannot be asked by our id.
    """
    provider = mailbox.provider
    if provider is None:
        raise AuthFailed("The account names no provider.")
    backend, session = _backend(provider, mailbox), _Session(provider.proxy)
    backend.session = session
    try:
        outgoing = _outgoing(message, act, provider)
        backend.send_messages([outgoing])
    except (AnymailError, ValueError, TypeError, KeyError) as error:
        raise _error(error, session, provider) from None
    finally:
        session.close()
    if session.answer is not None and session.answer.status_code >= 400:
        raise _answered(
            session.answer, provider
        )  # anymail reads some refusals as an answer about the recipient
    status = outgoing.anymail_status
    if status.status and status.status <= REFUSED:
        raise Refused(f"The provider refused this address ({', '.join(sorted(status.status))}).")
    if not isinstance(status.message_id, str) or not status.message_id:
        raise Unknown("The provider's answer does not name the mail; whether it took it is unclear.")
    return status.message_id.strip("<>")[:255]


def _backend(provider: Provider, mailbox: Mailbox) -> Any:
    options: dict[str, Any] = {KEYS[provider.name]: provider.key}
    if provider.name == "mailgun":
        options["sender_domain"] = mailbox.domain
    if provider.url:
        options["api_url"] = provider.url
    return import_module(f"anymail.backends.{provider.name}").EmailBackend(**options)


def _outgoing(message: EmailMessage, act: Act, provider: Provider) -> AnymailMessage:
    """The composed message as anymail takes it, our ids in its headers and the send id in its metadata."""
    body, html = message.get_body(("plain",)), message.get_body(("html",))
    headers = {name: str(message[name]) for name in CARRIED if message[name]}
    outgoing = AnymailMessage(
        subject=str(message["Subject"]),
        body=body.get_content() if body else "",
        from_email=str(message["From"]),
        to=[act.handle],
        headers=headers | KEEP_OUR_ID.get(provider.name, {}),
    )
    outgoing.attach_alternative(html.get_content() if html else "", "text/html")
    outgoing.metadata = {"send_id": str(act.send_id)}
    return outgoing


def _error(error: Exception, session: _Session, provider: Provider) -> ChannelError:
    if isinstance(session.failure, ForbiddenAddress):
        return AuthFailed(f"The provider's address cannot be used. {session.failure}")
    if isinstance(session.failure, NEVER_SENT):
        return TryLater(f"The provider cannot be reached ({type(session.failure).__name__}).")
    if session.failure is not None:
        return Unknown(
            f"The mail was handed to the provider and no whole answer came ({type(session.failure).__name__})."
        )
    if session.answer is None:
        return Refused(f"This mail cannot be put into the provider's form ({type(error).__name__}).")
    return _answered(session.answer, provider)


def _answered(answer: httpx.Response, provider: Provider) -> ChannelError:
    """The channel's error for an answer that is no success, or cannot be understood as one."""
    words = hide(" ".join(answer.text.split()), provider.key)[:DETAIL_LENGTH]
    said = f"The provider answered {answer.status_code}: {words}"
    match answer.status_code:
        case 401 | 403:
            return AuthFailed(said)
        case 404:
            return AuthFailed(f"{said} Is the sending domain known to the provider?")
        case 429:
            wait = retry_after(answer.headers, "X-RateLimit-Reset")
            return TryLater(said, retry_after=wait, rate_limited=True)
        case status if status >= 500 or status < 400:
            return Unknown(f"{said} Whether it took the mail is unclear.")
    return NotFound(said) if "inactive" in words.lower() else Refused(said)
