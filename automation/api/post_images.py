"""The pictures of a post."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Router
from ninja.files import UploadedFile

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from automation.api.posts import posts_with_images
from automation.api.schemas_content import PostImageOut, PostImagePatch, PostOut
from automation.content import images
from automation.models import Post, PostImage
from outreach.lib.errors import find, refusals

router = Router(tags=["Posts"])
READ = needs("posts:read", "automation.view_post")
WRITE = needs("posts:write", "automation.change_post")


@router.post("/posts/{int:post_id}/images", response={201: PostImageOut}, summary="Add a picture", **WRITE)
@idempotent(201)
def add_image(
    request: HttpRequest, post_id: int, picture: File[UploadedFile], alt: str = Form("", max_length=1000)
) -> PostImageOut:
    """A JPEG, PNG, WebP or still GIF of at most 20 MB; what is kept is re-encoded, without position or camera.

    Say in `alt` what it shows: a post with a picture without it is not published.
    """
    post = find(Post.objects.all(), post_id)
    with refusals():
        image = images.add_image(post=post, upload=picture.read(), alt=alt, by=caller(request))
    return PostImageOut.from_orm(image)


@router.get("/posts/{int:post_id}/images/{int:image_id}", summary="Download a picture", **READ)
def download_image(request: HttpRequest, post_id: int, image_id: int) -> HttpResponse:
    """As it is published."""
    image = find(PostImage.objects.filter(post_id=post_id), image_id)
    return HttpResponse(bytes(image.content), content_type=image.mime)


@router.patch(
    "/posts/{int:post_id}/images/{int:image_id}", response=PostImageOut, summary="Describe a picture", **WRITE
)
def describe_image(request: HttpRequest, post_id: int, image_id: int, body: PostImagePatch) -> Any:
    """Only before somebody has approved the post."""
    image = find(_images(post_id), image_id)
    with refusals(409):
        images.describe_image(image=image, alt=body.alt, by=caller(request))
    return find(_images(post_id), image_id)


@router.delete(
    "/posts/{int:post_id}/images/{int:image_id}", response=PostOut, summary="Remove a picture", **WRITE
)
def remove_image(request: HttpRequest, post_id: int, image_id: int) -> Any:
    """For good, and only before somebody has approved the post."""
    image = find(_images(post_id), image_id)
    with refusals(409):
        images.remove_image(image=image, by=caller(request))
    return find(posts_with_images(), post_id)


def _images(post_id: int) -> Any:
    return PostImage.objects.filter(post_id=post_id).defer("content").select_related("post")
