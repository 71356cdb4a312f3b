"""Pictures from outside, made into ones that may be published: bounded, re-encoded, without what a camera wrote into them."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST_UPLOAD = 20_000_000  # bytes
MOST_PIXELS = 50_000_000  # decoded it takes four bytes each
LONGEST_SIDE = 2_000  # pixels; networks show less
LARGEST = 950_000  # bytes; the strictest network takes 1,000,000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
QUALITIES = (90, 82, 74, 64, 50)
SHRINK = 0.75


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in the form every network takes; the size is in pixels."""

    content: bytes = field(repr=False)
    mime: str
    width: int
    height: int


def prepare(upload: bytes) -> Picture:
    """``upload`` as an upright JPEG (PNG where parts are transparent) of at most 2,000 pixels a side and 950,000 bytes.

    Only pixels go over: no position, no camera, no hidden data. Raises :class:`ValidationError` with what to do.
    """
    if len(upload) > LARGEST_UPLOAD:
        raise _refusal(f"It has {len(upload):,} bytes. Use one of at most {LARGEST_UPLOAD:,}.")
    image = _decoded(upload)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        found = _saved(image, "PNG", optimize=True)
        if len(found) <= LARGEST:
            return Picture(found, "image/png", *image.size)
        image = _on_white(image)
    return _as_jpeg(image)


def _decoded(upload: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(upload), formats=FORMATS)
        # Known from the file's head, before a pixel is decoded.
        if opened.width * opened.height > MOST_PIXELS:
            raise _refusal(f"It is {opened.width} x {opened.height} pixels. Make it smaller.")
        if getattr(opened, "is_animated", False):
            raise _refusal("It moves. Use a still picture.")
        upright = ImageOps.exif_transpose(opened)
        transparent = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
        plain = upright.convert("RGBA" if transparent else "RGB")
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _refusal("It has too many pixels. Make it smaller.") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        raise _refusal("It cannot be read. Use a JPEG, PNG, WebP or GIF file.") from None
    opaque = plain.mode == "RGBA" and plain.getchannel("A").getextrema() == (255, 255)
    return plain.convert("RGB") if opaque else plain


def _as_jpeg(image: Image.Image) -> Picture:
    while True:
        for quality in QUALITIES:
            found = _saved(image, "JPEG", quality=quality, optimize=True, progressive=True)
            if len(found) <= LARGEST:
                return Picture(found, "image/jpeg", *image.size)
        image = image.resize((max(1, int(image.width * SHRINK)), max(1, int(image.height * SHRINK))))


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    image.info = {}  # what the file said beside its pixels
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _refusal(text: str) -> ValidationError:
    return ValidationError({"picture": f"This picture cannot be used. {text}"})
