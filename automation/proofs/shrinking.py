"""Proofs made fit to keep: pictures small, traces without what would open a session."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from PIL import Image

WIDEST, HIGHEST = 1280, 2400  # pixels of a kept picture
QUALITY = 60
MOST_BYTES = 3_000_000  # of one file as it is kept
MOST_UNPACKED = 60_000_000  # of a trace
# What stands for a session, in the headers of a trace's requests and answers.
SECRET_HEADERS = frozenset({"cookie", "set-cookie", "authorization", "proxy-authorization"})
SECRET_KEYS = frozenset({"cookies", "postData", "storageState"})


def picture(content: bytes) -> bytes | None:
    """A screenshot as a WebP of bounded size; ``None`` for what is no picture."""
    try:
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as image:
            plain = image.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    if plain.width > WIDEST:
        plain = plain.resize((WIDEST, max(1, round(plain.height * WIDEST / plain.width))))
    if plain.height > HIGHEST:
        plain = plain.crop((0, 0, plain.width, HIGHEST))
    small = io.BytesIO()
    plain.save(small, "WEBP", quality=QUALITY)
    return small.getvalue()


def trace(content: bytes) -> bytes | None:
    """A trace without cookies, credentials and what was sent; ``None`` for what is no trace or stays too big."""
    clean = io.BytesIO()
    try:
        with (
            zipfile.ZipFile(io.BytesIO(content)) as given,
            zipfile.ZipFile(clean, "w", zipfile.ZIP_DEFLATED) as kept,
        ):
            if sum(entry.file_size for entry in given.infolist()) > MOST_UNPACKED:
                return None
            sent = set[str]()
            for entry in given.infolist():
                if entry.filename.endswith((".trace", ".network")):
                    kept.writestr(entry.filename, _cleaned(given.read(entry), sent))
            for entry in given.infolist():
                is_plain = not entry.filename.endswith((".trace", ".network"))
                if is_plain and entry.filename.rpartition("/")[2] not in sent:
                    kept.writestr(entry.filename, given.read(entry))
    except (zipfile.BadZipFile, ValueError, OSError):
        return None
    return clean.getvalue() if clean.tell() <= MOST_BYTES else None


def _cleaned(lines: bytes, sent: set[str]) -> bytes:
    """Each line a JSON object; the files that hold request bodies are added to ``sent``."""
    return b"\n".join(
        json.dumps(_without_secrets(json.loads(line), sent)).encode()
        for line in lines.splitlines()
        if line.strip()
    )


def _without_secrets(value: Any, sent: set[str]) -> Any:
    if isinstance(value, list):
        return [_without_secrets(one, sent) for one in value if not _is_secret_header(one)]
    if not isinstance(value, dict):
        return value
    if isinstance(body := value.get("postData"), dict) and body.get("_sha1"):
        sent.add(str(body["_sha1"]))
    return {
        key: ([] if isinstance(inner, list) else None)
        if key in SECRET_KEYS
        else _without_secrets(inner, sent)
        for key, inner in value.items()
        if key.casefold() not in SECRET_HEADERS
    }


def _is_secret_header(value: Any) -> bool:
    return isinstance(value, dict) and str(value.get("name", "")).casefold() in SECRET_HEADERS
