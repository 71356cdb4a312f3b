"""Secrets at rest: encryption with rotating keys, and keyed hashes that survive erasure."""

import hmac
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

# How people make what production asks for.
MAKE_SECRET_KEY = 'Make one: python -c "import secrets; print(secrets.token_urlsafe(50))"'  # noqa: S105 - how, not what
MAKE_KEY = (
    'Make one: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"; '
    "several, comma-separated, newest first, rotate."
)
MAKE_HASH_KEY: str = (
    f"{MAKE_SECRET_KEY} Keep it with the database's backups and never change it: it is what remembers who said "
    "no after their data is erased."
)


class WrongKey(Exception):
    """No configured key opens this secret; nothing is returned and nothing is overwritten."""


def new_key() -> str:
    """A fresh encryption key, as ENCRYPTION_KEYS takes it."""
    return Fernet.generate_key().decode()


def laptop_secret(path: Path, make: Callable[[], str]) -> str:
    """The secret kept in ``path``, made on first use and readable by its owner only. Laptops only."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
        try:
            os.link(draft, path)  # fails if another process was first, so both end up with one secret
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_text()


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def fernet() -> MultiFernet:
    """The cipher over all configured keys: the first encrypts, each of them decrypts."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS))


def encrypt(text: str) -> str:
    """``text`` as a token that only the configured keys open."""
    return fernet().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The text of a token; raises :class:`WrongKey` when no configured key opens it."""
    try:
        return fernet().decrypt(token.encode()).decode()
    except InvalidToken:
        raise WrongKey("A stored secret cannot be opened: is the key it was written with in ENCRYPTION_KEYS?")


def is_current(token: str) -> bool:
    """Whether the first key, the one that encrypts, wrote this token."""
    try:
        Fernet(settings.ENCRYPTION_KEYS[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def rotate(token: str) -> str:
    """The same secret under the first key; raises :class:`WrongKey` when no configured key opens it."""
    return encrypt(decrypt(token))


def keyed_hash(text: str) -> str:
    """A keyed SHA-256 (hex, 64 characters): the same text matches, the text itself cannot be read back.

    The key is HASH_KEY, which outlives every rotation of the other secrets.
    """
    return hmac.digest(settings.HASH_KEY.encode(), text.encode(), "sha256").hex()
