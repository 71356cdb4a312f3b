"""Pictures from outside become small squares, or nothing."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from automation.enrichment import portraits
from tests.factories import make_picture


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("size", [(1200, 300), (40, 90)])
def test_any_picture_becomes_a_square_of_400(form: str, size: tuple[int, int]) -> None:
    picture = portraits.cropped(make_picture(*size, form=form))

    seen = Image.open(io.BytesIO(picture.content))
    assert (seen.format, seen.size, seen.mode) == ("WEBP", (400, 400), "RGB")
    assert len(picture.content) < 40_000


def test_only_pixels_go_over() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    picture = portraits.cropped(make_picture(600, 600, form="JPEG", exif=exif))

    assert b"home" not in picture.content
    assert not Image.open(io.BytesIO(picture.content)).getexif()


def test_transparent_picture_gets_a_ground() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (50, 50), (0, 0, 0, 0)).save(target, "PNG")
    seen = Image.open(io.BytesIO(portraits.cropped(target.getvalue()).content))
    assert seen.getpixel((200, 200)) == (255, 255, 255)


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a", make_picture()[:40]])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(portraits.BadPicture, match="cannot be read"):
        portraits.cropped(content)


def test_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100_000))
    with pytest.raises(portraits.BadPicture, match=r"too many pixels|too large"):
        portraits.cropped(bomb)
