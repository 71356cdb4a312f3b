"""Pictures: uploaded before the status that shows them. Uploads nobody posts are forgotten by the server."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence

from automation.channels.base import Image, TryLater
from automation.channels.mastodon.client import ACT_SECONDS, Client, entity
from automation.channels.mastodon.convert import Json, id_of

LOOK_SECONDS = 0.3  # between two looks whether the server is done with a picture
LONGEST_ALT = 1_500


def upload(client: Client, images: Sequence[Image]) -> list[str]:
    """The ids the server gives the pictures, once it is done with all of them. Nothing is visible yet."""
    found = [_one(client, image) for image in images]
    return [_settled(client, media) for media in found]


def _one(client: Client, image: Image) -> Json:
    return entity(
        client.read(
            client.api.media_post,
            io.BytesIO(image.content),
            mime_type=image.mime,
            description=image.alt[:LONGEST_ALT] or None,
        )
    )


def _settled(client: Client, media: Json) -> str:
    """Its id; a status with a picture the server still works on would be refused."""
    while media.get("url") is None:
        if client.wire.left < ACT_SECONDS + LOOK_SECONDS:
            raise TryLater("The server was too slow with the pictures; nothing was posted.")
        time.sleep(LOOK_SECONDS)
        media = entity(client.read(client.api.media, id_of(media)))
    return id_of(media)
