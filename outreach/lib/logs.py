"""Logs: JSON lines in production and in files, readable lines on a laptop; request and task ids on each."""

from pathlib import Path
from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def logging_config(*, level: str, as_json: bool, folder: Path) -> dict[str, Any]:
    """Django's LOGGING: to stderr at ``level``, and as rotated JSON lines to ``folder/outreach.jsonl``."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    folder.mkdir(parents=True, exist_ok=True)

    def formatter(renderer: Any) -> dict[str, Any]:
        return {"()": structlog.stdlib.ProcessorFormatter, "processor": renderer, "foreign_pre_chain": SHARED}

    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": formatter(structlog.processors.JSONRenderer()),
            "line": formatter(structlog.dev.ConsoleRenderer(colors=False)),
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "json" if as_json else "line", "level": level},
            "file": {
                # Rotated by size; WatchedFileHandler would need an outside rotator, which a laptop lacks.
                "class": "logging.handlers.RotatingFileHandler",
                "filename": str(folder / "outreach.jsonl"),
                "maxBytes": 20_000_000,
                "backupCount": 5,
                "delay": True,
                "formatter": "json",
            },
        },
        "root": {"handlers": ["stderr", "file"], "level": level},
        "loggers": {
            "django-q": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
        },
    }
