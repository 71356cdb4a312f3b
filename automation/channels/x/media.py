"""Pictures: uploaded before the post that shows them. Uploads nobody posts are forgotten by X within a day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tweepy.errors import HTTPException

from automation.channels.base import Image, Refused
from automation.channels.x.client import Client, entity
from automation.channels.x.convert import id_of

MOST = 4
LARGEST = 5_000_000  # bytes of a picture
LONGEST_ALT = 1_000


def upload(client: Client, images: Sequence[Image]) -> list[str]:
    """The ids X gives the pictures, each with its words for those who do not see it. Nothing is visible yet."""
    if len(images) > MOST:
        raise Refused(f"X shows at most {MOST} pictures in a post; this one has {len(images)}.")
    if any(len(image.content) > LARGEST for image in images):
        raise Refused("X takes pictures of at most 5 MB.")
    return [_one(client, image) for image in images]


def _one(client: Client, image: Image) -> str:
    form = {"media_category": "tweet_image", "media_type": image.mime}
    files = {"media": ("picture", image.content, image.mime)}
    found = id_of(entity(client.read(_posting(client, "/2/media/upload", data=form, files=files))))
    if image.alt:
        words = {"id": found, "metadata": {"alt_text": {"text": image.alt[:LONGEST_ALT]}}}
        client.read(_posting(client, "/2/media/metadata", json=words))
    return found


def _posting(client: Client, path: str, **content: Any) -> Callable[[], Any]:
    """tweepy knows no endpoint for pictures of the v2 API; the request goes the same way with the same token."""

    def send() -> Any:
        answer = client.wire.request(
            "POST", path, headers={"Authorization": f"Bearer {client.api.bearer_token}"}, **content
        )
        if not answer.ok:
            raise HTTPException(answer)
        return answer.json()

    return send
