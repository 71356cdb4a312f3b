import json
import logging
import logging.config
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from concurrent_log_handler import ConcurrentRotatingFileHandler

from outreach.lib import logs

CANARIES = [
    {"token": "canary"},
    {"access_token": "canary"},
    {"accessToken": "canary"},
    {"API_KEY": "canary"},
    {"api-key": "canary"},
    {"password": "canary"},
    {"Authorization": "Bearer canary"},
    {"headers": {"authorization": "canary", "cookie": "canary"}},
    {"login": [{"handle": "ada", "secret": {"jwt": "canary"}}]},
    {"event": "asked with Authorization: Bearer canary-canary"},
    {"event": "GET /x?access_token=canary&page=2"},
    {"event": "{'password': 'canary', 'handle': 'ada'}"},
    {"event": '{"app_password": "canary"}'},
    {"event": "could not reach postgresql://outreach:canary@db.internal/outreach"},
    {"exception": "ValueError: token='canary canary'"},
    {"request": "GET /admin/accounts/account/signed-in/x/?state=canary-1&code=canary-2"},
    {"deep": {"a": {"b": {"c": {"d": {"e": {"f": "canary"}}}}}}},
]


@pytest.mark.parametrize("event", CANARIES, ids=str)
def test_redact_hides_every_secret(event):
    assert "canary" not in json.dumps(logs.redact(event))


@pytest.mark.parametrize(
    "event",
    [
        {
            "event": "task_completed",
            "task_id": 7,
            "network": "sandbox",
            "ok": True,
            "seconds": 0.25,
            "none": None,
        },
        {"event": "The keyboard of the secretary", "monkey": "see", "hockey": "yes"},
        {"url": "https://social.example:8443/users/ada"},
    ],
)
def test_redact_leaves_the_rest_alone(event):
    assert logs.redact(event) == event


def our_handler(logger: logging.Logger) -> ConcurrentRotatingFileHandler:
    """The file handler among those that pytest adds."""
    return next(handler for handler in logger.handlers if isinstance(handler, ConcurrentRotatingFileHandler))


@pytest.fixture
def file_logger(tmp_path):
    """A logger with the installation's own file handler and formatter, in a folder of its own."""
    config = logs.logging_config(
        level="INFO", as_json=True, folder=tmp_path, warnings_to="logging.NullHandler"
    )
    config["handlers"] = {"file": config["handlers"]["file"]}
    config["loggers"] = {"tests.logs": {"handlers": ["file"], "level": "INFO", "propagate": False}}
    del config["root"]
    logging.config.dictConfig(config | {"incremental": False})
    yield logging.getLogger("tests.logs")
    handler = our_handler(logging.getLogger("tests.logs"))
    handler.close()
    logging.getLogger("tests.logs").removeHandler(handler)


def lines(folder: Path) -> list[dict]:
    return [
        json.loads(line) for path in folder.glob("outreach.jsonl*") for line in path.read_text().splitlines()
    ]


def test_line_carries_ids_extras_and_no_secret(file_logger, tmp_path):
    with structlog.contextvars.bound_contextvars(request_id="r-1", task_id=12):
        file_logger.warning("Signing in with password=%s", "canary", extra={"token": "canary", "account": 3})
        try:
            raise ValueError("Bearer canarycanary")
        except ValueError:
            structlog.get_logger("tests.logs").exception("sign_in_failed", login={"secret": "canary"})
    first, second = lines(tmp_path)
    assert (first["request_id"], first["task_id"], first["account"], first["level"]) == (
        "r-1",
        12,
        3,
        "warning",
    )
    assert (second["event"], second["task_id"], second["logger"]) == ("sign_in_failed", 12, "tests.logs")
    assert "ValueError" in second["exception"]
    assert "canary" not in json.dumps([first, second])


def test_log_file_is_readable_by_its_owner_only(file_logger, tmp_path):
    file_logger.info("hello")
    assert (tmp_path / "outreach.jsonl").stat().st_mode & 0o077 == 0


def _write(number: int, count: int) -> None:
    for index in range(count):
        logging.getLogger("tests.logs").info("line", extra={"writer": number, "index": index})


def test_forked_writers_lose_no_line_at_rotation(file_logger, tmp_path):
    handler = our_handler(file_logger)
    handler.maxBytes, handler.backupCount = 4_000, 500
    file_logger.info("opened before the fork")
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=_write, args=(number, 150)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    seen = [(line["writer"], line["index"]) for line in lines(tmp_path) if "writer" in line]
    assert len(list(tmp_path.glob("outreach.jsonl*"))) > 5
    assert sorted(seen) == [(number, index) for number in range(4) for index in range(150)]


def test_settings_send_warnings_to_the_grouping_handler(settings):
    assert settings.LOGGING["handlers"]["errors"] == {
        "class": "monitoring.errors.GroupingHandler",
        "level": "WARNING",
    }
    assert "errors" in settings.LOGGING["root"]["handlers"]


def test_process_that_ends_at_once_has_written_its_last_line(tmp_path):
    script = (
        "import logging.config, sys; from pathlib import Path; from outreach.lib import logs;"
        "logging.config.dictConfig(logs.logging_config(level='INFO', as_json=True, folder=Path(sys.argv[1]),"
        "warnings_to='logging.NullHandler')); logging.getLogger('x').error('the last line')"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, capture_output=True, timeout=60)
    assert [line["event"] for line in lines(tmp_path)] == ["the last line"]
