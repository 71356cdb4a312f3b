"""Pictures from outside, opened within bounds: nothing is decoded that would fill the memory, and only pixels are kept.

Loads an image library, which the processes that take in no pictures do without: import it by the first picture.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


class BadPicture(ValueError):
    """It is no picture we take; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture re-encoded by us; the size is in pixels."""

    content: bytes = field(repr=False)
    mime: str
    width: int
    height: int


@contextmanager
def within_bounds() -> Iterator[None]:
    """Whatever a broken or hostile picture makes the library raise in this block is a :class:`BadPicture`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            yield
        except BadPicture:
            raise
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise BadPicture("It has too many pixels.") from None
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
            raise BadPicture("It cannot be read as a JPEG, PNG, WebP or GIF file.") from None


def opened(content: bytes, *, most_pixels: int) -> Image.Image:
    """The picture, its pixels not decoded yet; :class:`BadPicture` when its head says that they are too many."""
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    if image.width * image.height > most_pixels:
        raise BadPicture(f"It has too many pixels, {image.width} x {image.height}.")
    return image


def upright(image: Image.Image) -> Image.Image:
    """Decoded and turned as its camera was held: in RGBA where it says that parts are transparent, else in RGB."""
    turned = ImageOps.exif_transpose(image)
    transparent = turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info
    return turned.convert("RGBA" if transparent else "RGB")


def on_white(image: Image.Image) -> Image.Image:
    """In RGB, what is transparent in white."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """Its pixels as a file, without what the file it came from said beside them: no position, no camera."""
    image.info = {}
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()
