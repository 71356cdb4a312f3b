"""Pictures from outside become ones that may be published."""

from __future__ import annotations

import io
import random

import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from automation.content import pictures
from automation.content.pictures import prepare
from tests.factories import make_picture


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def noise(width: int, height: int, mode: str = "RGB") -> bytes:
    """A picture nobody can press together."""
    pixels = random.Random(1).randbytes(width * height * len(mode))
    target = io.BytesIO()
    Image.frombytes(mode, (width, height), pixels).save(target, "PNG")
    return target.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF"])
def test_picture_becomes_a_jpeg_of_its_size(form: str) -> None:
    picture = prepare(make_picture(30, 20, form=form))
    assert (picture.mime, picture.width, picture.height) == ("image/jpeg", 30, 20)
    assert opened(picture.content).format == "JPEG"


def test_where_and_with_what_it_was_taken_is_removed() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Canary Cameras"
    exif.get_ifd(0x8825)[1] = "N"
    upload = make_picture(form="JPEG", exif=exif, comment=b"canary comment")
    assert b"anary" in upload
    picture = prepare(upload)
    assert b"anary" not in picture.content
    assert not opened(picture.content).getexif()


def test_picture_held_sideways_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it
    picture = prepare(make_picture(30, 20, form="JPEG", exif=exif))
    assert (picture.width, picture.height) == (20, 30)


def test_large_picture_becomes_small_enough_for_every_network() -> None:
    picture = prepare(noise(2400, 1200))
    assert len(picture.content) <= pictures.LARGEST
    assert max(picture.width, picture.height) <= pictures.LONGEST_SIDE
    assert picture.width == pytest.approx(2 * picture.height, abs=2)


def test_transparency_stays_where_it_fits() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (9, 9), (1, 2, 3, 40)).save(target, "PNG")
    picture = prepare(target.getvalue())
    assert (picture.mime, opened(picture.content).mode) == ("image/png", "RGBA")


def test_transparency_gives_way_to_size() -> None:
    picture = prepare(noise(900, 900, "RGBA"))
    assert picture.mime == "image/jpeg"
    assert len(picture.content) <= pictures.LARGEST


@pytest.mark.parametrize(
    "upload",
    [b"", b"<svg><script/></svg>", b"%PDF-1.7", make_picture(form="BMP"), make_picture(form="JPEG")[:200]],
    ids=["nothing", "svg", "pdf", "bmp", "half a jpeg"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(upload: bytes) -> None:
    with pytest.raises(ValidationError) as caught:
        prepare(upload)
    assert "JPEG, PNG, WebP or GIF" in str(caught.value)


def test_bomb_is_refused_before_it_is_decoded() -> None:
    target = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(target, "PNG", optimize=True)
    assert len(target.getvalue()) < 100_000
    with pytest.raises(ValidationError, match="smaller"):
        prepare(target.getvalue())


def test_moving_picture_is_refused() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(ValidationError, match="moves"):
        prepare(target.getvalue())


def test_too_large_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST_UPLOAD", 10)
    with pytest.raises(ValidationError, match="at most 10"):
        prepare(make_picture())
