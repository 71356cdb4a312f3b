"""Production refuses to start without what it needs, and with what only laptops and tests may have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COMPLETE = {
    "OUTREACH_ENV": "production", "SECRET_KEY": "s" * 50, "HASH_KEY": "h" * 50, "ALLOWED_HOSTS": "outreach.example.org",
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/x",
}  # fmt: skip


def start(folder: Path, **changes: str) -> str:
    """What a process says that loads the settings; empty when it starts."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**inherited, **COMPLETE, "OUTREACH_DATA_DIR": str(folder), **changes}
    command = [sys.executable, "-c", "from django.conf import settings; settings.DEBUG"]
    environment["DJANGO_SETTINGS_MODULE"] = "outreach.settings"
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    ).stderr


def test_starts_with_everything_set(tmp_path: Path) -> None:
    assert start(tmp_path) == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ALLOWED_PRIVATE_HOSTS": "127.0.0.1"}, "ALLOWED_PRIVATE_HOSTS is for laptops and tests"),
        ({"TLS_CA_FILE": "/dev/null"}, "TLS_CA_FILE holds no certificate: /dev/null"),
        ({"TLS_CA_FILE": "/no/such.pem"}, "TLS_CA_FILE holds no certificate: /no/such.pem"),
        ({"MAIL_PROVIDERS": "postmark="}, "MAIL_PROVIDERS gives postmark no secret"),
        ({"MAIL_PROVIDERS": "mailgun=key,resend="}, "MAIL_PROVIDERS gives resend no secret"),
    ],
)
def test_refuses_and_says_why(tmp_path: Path, changes: dict[str, str], words: str) -> None:
    assert words in start(tmp_path, **changes)


def test_a_provider_with_its_secret_starts(tmp_path: Path) -> None:
    assert start(tmp_path, MAIL_PROVIDERS="postmark=outreach:long,resend=whsec_a2V5") == ""
