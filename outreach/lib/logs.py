"""Logs: JSON lines in production and in files, readable lines on a laptop; with their ids, without secrets."""

import logging
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import structlog

FILE_BYTES = 20_000_000
FILES_KEPT = 5
HIDDEN = "[hidden]"
# A key is secret when one of its words is; ``token_count`` and ``lease_token`` are not worth a leak.
SECRET_WORDS = frozenset(
    {"token", "tokens", "secret", "secrets", "password", "passwords", "passwd", "passphrase", "authorization"}
    | {"credential", "credentials", "cookie", "cookies", "jwt", "bearer", "apikey", "sessionid", "csrftoken"}
)
SECRET_PAIRS = re.compile(r"(?:api|private|encryption|hash|access|secret)_?keys?$", re.IGNORECASE)
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# Secrets inside text: "Bearer x", "password=x", "'token': 'x'", "https://user:x@host", "/signed-in?code=x&state=x".
IN_TEXT = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"),
    re.compile(
        r"(?i)([\"']?\b[\w-]*(?:token|secret|password|passwd|passphrase|authorization|cookie|api[_-]?key)[\"']?"
        r"\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&)}\]]+)"
    ),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+(?=@)"),
    re.compile(r"(?i)([?&](?:code|state|signature|sig)=)[^&\s\"'#]+"),
)
DEPTH = 6  # levels of a nested value that are looked through; what lies deeper is hidden whole


def redact(value: Any, depth: int = DEPTH) -> Any:
    """A copy of ``value`` (text, mappings, sequences) in which every secret is ``[hidden]``."""
    if isinstance(value, str):
        return _redact_text(value)
    if isinstance(value, Mapping):
        return {key: _redact_item(key, item, depth - 1) for key, item in value.items()} if depth else HIDDEN
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item, depth - 1) for item in value] if depth else HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    return _redact_text(repr(value))


def _redact_item(key: object, value: Any, depth: int) -> Any:
    return HIDDEN if value and _is_secret(str(key)) else redact(value, depth)


def _is_secret(key: str) -> bool:
    words = {word.lower() for word in WORDS.findall(key)}
    return bool(words & SECRET_WORDS) or bool(SECRET_PAIRS.search(key.replace("-", "_")))


def _redact_text(text: str) -> str:
    for pattern in IN_TEXT:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The processor that runs last before rendering, so that nothing reaches a line without it."""
    for key, value in event.items():
        if not key.startswith("_"):  # structlog's own: the record and where it came from
            event[key] = _redact_item(key, value, DEPTH)
    return event


def drop_health_checks(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Leave out requests for /health/, which come every few seconds and say nothing."""
    if event.get("event", "").startswith("request_") and " /health/" in str(event.get("request", "")):
        raise structlog.DropEvent
    return event


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def _formatter(renderer: Any) -> dict[str, Any]:
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, hide_secrets, renderer],
        "foreign_pre_chain": [*SHARED, structlog.stdlib.ExtraAdder()],
    }


def _file_handler(folder: Path) -> dict[str, Any]:
    """Many processes write one file: each line and rotation takes a lock, or lines are lost at the turn."""
    return {
        "class": "concurrent_log_handler.ConcurrentRotatingFileHandler",
        "filename": str(folder / "outreach.jsonl"),
        "maxBytes": FILE_BYTES,
        "backupCount": FILES_KEPT,
        "chmod": 0o600,
        "encoding": "utf-8",
        "formatter": "json",
    }


def logging_config(*, level: str, as_json: bool, folder: Path, warnings_to: str) -> dict[str, Any]:
    """Django's LOGGING: to stderr at ``level``, as rotated JSON lines to ``folder/outreach.jsonl``.

    Warnings and worse also go to the handler class named by ``warnings_to``, a dotted path.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            drop_health_checks,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    folder.mkdir(parents=True, exist_ok=True)
    stderr = {"class": "logging.StreamHandler", "formatter": "json" if as_json else "line", "level": level}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": _formatter(structlog.processors.JSONRenderer(default=repr)),
            "line": _formatter(structlog.dev.ConsoleRenderer(colors=False)),
        },
        "handlers": {
            "stderr": stderr,
            "file": _file_handler(folder),
            "errors": {"class": warnings_to, "level": "WARNING"},
        },
        "root": {"handlers": ["stderr", "file", "errors"], "level": level},
        "loggers": {
            name: {"level": logging.WARNING} for name in ("django-q", "django.server", "httpx", "httpcore")
        },
    }
