"""The pages of posts and publications."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.enums import ActionKind
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
from tests.factories import (
    make_lane,
)

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
