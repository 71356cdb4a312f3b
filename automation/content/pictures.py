"""Pictures of posts, made into ones that every network takes."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from PIL import Image

from outreach.lib.pictures import BadPicture, Picture, encoded, on_white, opened, upright, within_bounds

LARGEST_UPLOAD = 20_000_000  # bytes
MOST_PIXELS = 50_000_000  # decoded it takes four bytes each
LONGEST_SIDE = 2_000  # pixels; networks show less
LARGEST = 950_000  # bytes; the strictest network takes 1,000,000
QUALITIES = (90, 82, 74, 64, 50)
SHRINK = 0.75


def prepare(upload: bytes) -> Picture:
    """``upload`` as an upright JPEG (PNG where parts are transparent) of at most 2,000 pixels a side and 950,000 bytes.

    Only pixels go over: no position, no camera, no hidden data. Raises :class:`ValidationError` with what to do.
    """
    if len(upload) > LARGEST_UPLOAD:
        raise _refusal(f"It has {len(upload):,} bytes. Use one of at most {LARGEST_UPLOAD:,}.")
    try:
        with within_bounds():
            image = _decoded(upload)
    except BadPicture as bad:
        raise _refusal(f"{bad} Use a smaller one, or save it as a JPEG or PNG file.") from None
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        found = encoded(image, "PNG", optimize=True)
        if len(found) <= LARGEST:
            return Picture(found, "image/png", *image.size)
    return _as_jpeg(on_white(image))


def _decoded(upload: bytes) -> Image.Image:
    image = opened(upload, most_pixels=MOST_PIXELS)
    if getattr(image, "is_animated", False):
        raise BadPicture("It moves, and only still ones are taken.")
    plain = upright(image)
    opaque = plain.mode == "RGBA" and plain.getchannel("A").getextrema() == (255, 255)
    return plain.convert("RGB") if opaque else plain


def _as_jpeg(image: Image.Image) -> Picture:
    while True:
        for quality in QUALITIES:
            found = encoded(image, "JPEG", quality=quality, optimize=True, progressive=True)
            if len(found) <= LARGEST:
                return Picture(found, "image/jpeg", *image.size)
        image = image.resize((max(1, int(image.width * SHRINK)), max(1, int(image.height * SHRINK))))


def _refusal(text: str) -> ValidationError:
    return ValidationError({"picture": f"This picture cannot be used. {text}"})
