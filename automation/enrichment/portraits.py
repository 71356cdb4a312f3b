"""Pictures from outside, made into small squares: only pixels go over, and one is decoded at a time."""

from __future__ import annotations

import io
import warnings
from threading import Lock

from PIL import Image, ImageOps, UnidentifiedImageError

from automation.enrichment.base import Picture

SIDE = 400  # pixels
MOST_PIXELS = 16_000_000  # decoded it takes four bytes each
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
QUALITY = 82
_decoding = Lock()  # however many threads fetch, the memory of one picture is the most it takes


class BadPicture(ValueError):
    """It is no picture we take; the message is for people."""


def cropped(content: bytes) -> Picture:
    """A picture as a WebP of 400 x 400 pixels, its middle; of one that moves, the first frame. Raises :class:`BadPicture`."""
    with _decoding, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _cropped(content)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise BadPicture("The picture has too many pixels.") from None
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
            if isinstance(error, BadPicture):
                raise
            raise BadPicture("The picture cannot be read.") from None


def _cropped(content: bytes) -> Picture:
    opened = Image.open(io.BytesIO(content), formats=FORMATS)
    # Known from the file's head, before a pixel is decoded.
    if opened.width * opened.height > MOST_PIXELS:
        raise BadPicture(f"The picture is {opened.width} x {opened.height} pixels, which is too large.")
    opened.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded no larger than needed
    upright = ImageOps.exif_transpose(opened)
    transparent = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
    plain = upright.convert("RGBA" if transparent else "RGB")
    if transparent:
        ground = Image.new("RGB", plain.size, "white")
        ground.paste(plain, mask=plain.getchannel("A"))
        plain = ground
    square = ImageOps.fit(plain, (SIDE, SIDE), Image.Resampling.LANCZOS)
    square.info = {}
    target = io.BytesIO()
    square.save(target, "WEBP", quality=QUALITY, method=4)
    return Picture(target.getvalue(), "image/webp", SIDE, SIDE)
