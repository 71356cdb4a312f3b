"""The pictures of a post: added, replaced, described, removed, as long as nobody has approved it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from automation.enums import PostStatus
from automation.models import Post, PostImage
from outreach.lib import events
from outreach.lib.actors import Actor

if TYPE_CHECKING:  # it comes with an image library
    from outreach.lib.pictures import Picture

EDITABLE = (PostStatus.DRAFT, PostStatus.PENDING_REVIEW)
MOST = 10  # of one post; each network says how many of them it takes


@transaction.atomic
def add_image(*, post: Post, upload: bytes, by: Actor, alt: str = "") -> PostImage:
    """Put a picture at the end of a post's; it is re-encoded. Raises :class:`ValidationError`. Emits ``post.changed``."""
    _editable(post)
    if post.images.count() >= MOST:
        raise ValidationError({"picture": f"A post has at most {MOST} pictures."})
    picture = _prepared(upload)
    last = post.images.aggregate(last=Max("position"))["last"] or 0
    image = PostImage(
        post=post, position=last + 1, alt=alt.strip(), content=picture.content, mime=picture.mime,
        width=picture.width, height=picture.height, size=len(picture.content),
    )  # fmt: skip
    image.full_clean(exclude=["content"])
    image.save()
    _tell(post, by)
    return image


@transaction.atomic
def replace_image(*, image: PostImage, upload: bytes, by: Actor) -> PostImage:
    """Put another picture in its place; it is re-encoded. Raises :class:`ValidationError`. Emits ``post.changed``."""
    _editable(image.post)
    picture = _prepared(upload)
    image.content, image.mime, image.size = picture.content, picture.mime, len(picture.content)
    image.width, image.height = picture.width, picture.height
    image.save(update_fields=["content", "mime", "size", "width", "height"])
    _tell(image.post, by)
    return image


@transaction.atomic
def describe_image(*, image: PostImage, alt: str, by: Actor) -> PostImage:
    """Say in words what a picture shows. Raises :class:`ValidationError`. Emits ``post.changed`` where that is new."""
    _editable(image.post)
    if image.alt != alt.strip():
        image.alt = alt.strip()
        image.full_clean(exclude=["content", "post"])
        image.save(update_fields=["alt"])
        _tell(image.post, by)
    return image


@transaction.atomic
def remove_image(*, image: PostImage, by: Actor) -> None:
    """Take a picture off its post for good. Raises :class:`ValidationError`. Emits ``post.changed``."""
    _editable(image.post)
    image.delete()
    _tell(image.post, by)


def _prepared(upload: bytes) -> Picture:
    """Loads an image library, which the processes that take in no pictures do without."""
    picture: Picture = import_module("automation.content.pictures").prepare(upload)
    return picture


def _editable(post: Post) -> None:
    """Lock the post; refuse once somebody answers for it as it is."""
    if Post.objects.select_for_update().get(pk=post.pk).status not in EDITABLE:
        raise ValidationError("The pictures of an approved post cannot be changed. Reject it first.")


def _tell(post: Post, by: Actor) -> None:
    events.emit("post.changed", model="automation.post", ids=[post.pk], by=by, fields=["images"])
