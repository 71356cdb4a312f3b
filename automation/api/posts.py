"""Posts: written, approved by a person, published on accounts."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import caller, needs
from accounts.api.replay import idempotent
from accounts.models import Account
from automation.api.schemas_content import (
    PostIn,
    PostOut,
    PostPatch,
    PostQuery,
    PublicationOut,
    PublicationQuery,
    RejectIn,
    ScheduleIn,
)
from automation.content import services
from automation.models import Post, PostImage, Publication
from outreach.lib.errors import all_named, find, named, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import Page

router = Router(tags=["Posts"])
READ = needs("posts:read", "automation.view_post")
WRITE = needs("posts:write", "automation.change_post")
APPROVE = needs("posts:act", "automation.change_post")
PUBLISH = needs("posts:act", "automation.change_publication")


@router.get("/posts", response=Page[PostOut], summary="List posts", **READ)
def list_posts(request: HttpRequest, query: Query[PostQuery]) -> Any:
    return page(posts_with_images().filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.post(
    "/posts", response={201: PostOut}, summary="Draft a post", **needs("posts:write", "automation.add_post")
)
@idempotent(201)
def create_post(request: HttpRequest, body: PostIn) -> PostOut:
    """Publishes nothing: it is approved first, then scheduled."""
    accounts = all_named(Account.objects.all(), body.account_ids, "account_ids")
    with refusals():
        post = services.create_post(
            **body.model_dump(exclude={"account_ids"}), accounts=accounts, by=caller(request)
        )
    return PostOut.from_orm(find(posts_with_images(), post.pk))


@router.get("/posts/{int:post_id}", response=PostOut, summary="Show a post", **READ)
def show_post(request: HttpRequest, post_id: int) -> Any:
    return find(posts_with_images(), post_id)


@router.patch("/posts/{int:post_id}", response=PostOut, summary="Change a post", **WRITE)
def change_post(request: HttpRequest, post_id: int, body: PostPatch) -> Any:
    """Only one that nobody has approved yet."""
    post = find(Post.objects.all(), post_id)
    if changes := body.model_dump(exclude_unset=True):
        with refusals():
            services.update_post(post=post, by=caller(request), **changes)
    return find(posts_with_images(), post_id)


@router.post("/posts/{int:post_id}/submit", response=PostOut, summary="Ask for approval", **WRITE)
def submit(request: HttpRequest, post_id: int) -> Any:
    post = find(Post.objects.all(), post_id)
    with refusals(409):
        services.submit(post=post, by=caller(request))
    return find(posts_with_images(), post_id)


@router.post("/posts/{int:post_id}/approve", response=PostOut, summary="Approve", **APPROVE)
def approve(request: HttpRequest, post_id: int) -> Any:
    post = find(Post.objects.all(), post_id)
    with refusals(409):
        services.approve(post=post, by=caller(request))
    return find(posts_with_images(), post_id)


@router.post("/posts/{int:post_id}/reject", response=PostOut, summary="Send back to draft", **APPROVE)
def reject(request: HttpRequest, post_id: int, body: RejectIn | None = None) -> Any:
    """What was scheduled of it and has not gone out is taken back."""
    post = find(Post.objects.all(), post_id)
    with refusals(409):
        services.reject(post=post, reason=body.reason if body else "", by=caller(request))
    return find(posts_with_images(), post_id)


@router.post(
    "/posts/{int:post_id}/schedule",
    response={202: PublicationOut},
    summary="Publish on an account",
    **PUBLISH,
)
@idempotent(202)
def schedule(request: HttpRequest, post_id: int, body: ScheduleIn) -> PublicationOut:
    """Now, or at a time. Follow the publication, or its task."""
    post = find(Post.objects.all(), post_id)
    account = named(Account.objects.all(), body.account_id, "account_id")
    with refusals(409):
        publication = services.schedule(post=post, account=account, at=body.at, by=caller(request))
    return PublicationOut.from_orm(publication)


@router.get(
    "/publications", response=Page[PublicationOut], summary="List publications",
    **needs("posts:read", "automation.view_publication"),
)  # fmt: skip
def list_publications(request: HttpRequest, query: Query[PublicationQuery]) -> Any:
    return page(Publication.objects.filter(**query.filters()), cursor=query.cursor, limit=query.limit)


@router.get(
    "/publications/{int:publication_id}", response=PublicationOut, summary="Show a publication",
    **needs("posts:read", "automation.view_publication"),
)  # fmt: skip
def show_publication(request: HttpRequest, publication_id: int) -> Any:
    return find(Publication.objects.all(), publication_id)


@router.post(
    "/publications/{int:publication_id}/unschedule", response=PublicationOut, summary="Take back", **PUBLISH
)
def unschedule(request: HttpRequest, publication_id: int) -> Any:
    """Unless it is on its way already."""
    publication = find(Publication.objects.all(), publication_id)
    with refusals(409):
        services.unschedule(publication=publication, by=caller(request))
    return find(Publication.objects.all(), publication_id)


def posts_with_images() -> QuerySet[Post]:
    """Posts with what their form in the API shows."""
    # Of pictures everything but the picture: a page of posts would carry megabytes.
    images = Prefetch("images", PostImage.objects.defer("content"))
    return Post.objects.prefetch_related("publications", images)
