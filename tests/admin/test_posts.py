"""The pages of posts and publications."""

from __future__ import annotations

from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse

from accounts.enums import ActionKind
from automation.content.images import add_image
from automation.content.services import create_post
from automation.enums import (
    PostStatus,
    PublicationState,
    TaskState,
)
from automation.models import (
    Post,
    Publication,
    Task,
)
from tests.admin.doing import act
from tests.factories import make_lane, make_picture

pytestmark = pytest.mark.django_db
NO_PICTURES = {"images-TOTAL_FORMS": "0", "images-INITIAL_FORMS": "0"}


def test_post_goes_from_draft_to_scheduled(operator: Client) -> None:
    account = make_lane().account
    operator.post(
        reverse("admin:automation_post_add"), {"text": "Fresh beans", "accounts": [account.pk], **NO_PICTURES}
    )
    post = Post.objects.get()
    assert (post.status, Publication.objects.get().state) == (PostStatus.DRAFT, PublicationState.DRAFT)

    act(operator, "automation_post", post.pk, "submit")
    act(operator, "automation_post", post.pk, "approve")
    assert not Task.objects.exists()
    act(operator, "automation_post", post.pk, "schedule", accounts=[account.pk])
    assert Publication.objects.get().state == PublicationState.SCHEDULED
    assert Task.objects.get().kind == ActionKind.POST

    act(operator, "automation_publication", Publication.objects.get().pk, "unschedule")
    assert Task.objects.get().state == TaskState.CANCELLED


def test_approved_post_is_not_changed_behind_its_approver(operator: Client) -> None:
    post = Post.objects.create(text="Approved words", status=PostStatus.APPROVED)
    operator.post(reverse("admin:automation_post_change", args=[post.pk]), {"text": "Other words"})
    post.refresh_from_db()
    assert post.text == "Approved words"


def picture_form(**fields: object) -> dict[str, object]:
    return {"images-TOTAL_FORMS": "1", "images-INITIAL_FORMS": "0", **fields}


def test_picture_is_uploaded_with_the_post_and_shown_to_staff(operator: Client) -> None:
    given = picture_form(
        **{"images-0-picture": BytesIO(make_picture(30, 20)), "images-0-alt": "A sack of beans"}
    )
    operator.post(reverse("admin:automation_post_add"), {"text": "Fresh beans", **given})
    image = Post.objects.get().images.get()
    assert (image.alt, image.width, image.mime) == ("A sack of beans", 30, "image/jpeg")
    url = reverse("admin:automation_post_image", args=[image.post_id, image.pk])
    assert operator.get(url).content == bytes(image.content)
    assert url in operator.get(reverse("admin:automation_post_change", args=[image.post_id])).content.decode()
    assert Client().get(url).status_code == 302


def test_what_is_no_picture_is_refused_on_the_page_and_nothing_is_kept(operator: Client) -> None:
    given = picture_form(**{"images-0-picture": BytesIO(b"<svg/>"), "images-0-alt": "x"})
    answer = operator.post(reverse("admin:automation_post_add"), {"text": "Fresh beans", **given})
    assert "JPEG, PNG, WebP or GIF" in answer.content.decode()
    assert not Post.objects.exists()


def test_pictures_are_described_and_removed_on_the_page(operator: Client) -> None:
    post = create_post(text="Fresh beans", by="test")
    first, second = (add_image(post=post, upload=make_picture(), by="test") for _ in range(2))
    rows = {
        "images-TOTAL_FORMS": "2", "images-INITIAL_FORMS": "2",
        "images-0-id": first.pk, "images-0-post": post.pk, "images-0-alt": "Beans",
        "images-1-id": second.pk, "images-1-post": post.pk, "images-1-DELETE": "on",
    }  # fmt: skip
    operator.post(reverse("admin:automation_post_change", args=[post.pk]), {"text": "Fresh beans", **rows})
    assert list(post.images.values_list("pk", "alt")) == [(first.pk, "Beans")]
