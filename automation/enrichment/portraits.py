"""Pictures of people, made into small squares: one is decoded at a time."""

from __future__ import annotations

from threading import Lock

from PIL import Image, ImageOps

from outreach.lib.pictures import BadPicture, Picture, encoded, on_white, opened, upright, within_bounds

__all__ = ["BadPicture", "cropped"]

SIDE = 400  # pixels
MOST_PIXELS = 16_000_000  # decoded it takes four bytes each
QUALITY = 82
_decoding = Lock()  # however many threads fetch, the memory of one picture is the most it takes


def cropped(content: bytes) -> Picture:
    """A picture as a WebP of 400 x 400 pixels, its middle; of one that moves, the first frame. Raises :class:`BadPicture`."""
    with _decoding, within_bounds():
        image = opened(content, most_pixels=MOST_PIXELS)
        image.draft("RGB", (SIDE, SIDE))  # a JPEG is decoded no larger than needed
        square = ImageOps.fit(on_white(upright(image)), (SIDE, SIDE), Image.Resampling.LANCZOS)
        return Picture(encoded(square, "WEBP", quality=QUALITY, method=4), "image/webp", SIDE, SIDE)
