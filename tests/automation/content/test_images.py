"""A post's pictures: put on, described, taken off, sent along, and fixed once somebody answers for them."""

from __future__ import annotations

import uuid

import pytest
from django.core.exceptions import ValidationError

from automation.channels.base import Act, Refused
from automation.content import services
from automation.content.images import MOST, add_image, describe_image, remove_image
from automation.engine.acts import act_of
from automation.engine.shapes import Claim
from automation.enums import PostStatus
from automation.models import Post, PostImage, Task
from outreach.lib import events
from tests.factories import make_lane, make_picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def post() -> Post:
    return services.create_post(text="Fresh beans", by="test")


def approved(post: Post) -> Post:
    services.approve(post=post, by="test")
    return post


def act_for(task: Task) -> Act:
    """What the channel is given for a task."""
    claim = Claim(
        task_id=task.pk, kind=task.kind, send_id=uuid.uuid4(), number=1, failures=0, person_id=None, profile_id=None,
        campaign_id=None, enrolment_id=None, payload=task.payload, handle="", remote_id="",
    )  # fmt: skip
    return act_of(claim)


def test_pictures_keep_their_order(post: Post) -> None:
    for alt in ("first", "second", "third"):
        add_image(post=post, upload=make_picture(), alt=alt, by="test")
    remove_image(image=post.images.get(alt="second"), by="test")
    add_image(post=post, upload=make_picture(), alt="fourth", by="test")
    assert list(post.images.order_by("position").values_list("alt", flat=True)) == [
        "first",
        "third",
        "fourth",
    ]


def test_changing_pictures_is_announced(post: Post) -> None:
    seen: list[str] = []
    events.subscribe("post.changed", lambda event: seen.append(event.name))
    image = add_image(post=post, upload=make_picture(), by="test")
    describe_image(image=image, alt="Beans", by="test")
    describe_image(image=image, alt="Beans", by="test")
    remove_image(image=image, by="test")
    assert len(seen) == 3


def test_approved_post_keeps_its_pictures(post: Post) -> None:
    image = add_image(post=post, upload=make_picture(), alt="Beans", by="test")
    approved(post)
    for change in (
        lambda: add_image(post=post, upload=make_picture(), by="test"),
        lambda: describe_image(image=image, alt="Other beans", by="test"),
        lambda: remove_image(image=image, by="test"),
    ):
        with pytest.raises(ValidationError, match="Reject it first"):
            change()
    assert post.images.get().alt == "Beans"


def test_a_post_has_only_so_many_pictures(post: Post) -> None:
    image = add_image(post=post, upload=make_picture(), by="test")
    row = {
        "post": post,
        "content": bytes(image.content),
        "mime": image.mime,
        "width": 8,
        "height": 6,
        "size": 1,
    }
    PostImage.objects.bulk_create(PostImage(position=n, **row) for n in range(2, MOST + 1))
    with pytest.raises(ValidationError, match="at most 10"):
        add_image(post=post, upload=make_picture(), by="test")


def test_scheduled_post_carries_its_pictures_warning_and_visibility(post: Post) -> None:
    services.update_post(post=post, by="test", content_warning="Caffeine", visibility="unlisted")
    for alt in ("Beans", "A cup"):
        add_image(post=post, upload=make_picture(), alt=alt, by="test")
    account = make_lane().account
    account.network, account.server = "mastodon", "https://example.org"
    account.save()
    publication = services.schedule(post=approved(post), account=account, by="test")
    assert publication.task is not None
    act = act_for(publication.task)
    assert [image.alt for image in act.images] == ["Beans", "A cup"]
    assert {image.mime for image in act.images} == {"image/jpeg"}
    assert (act.content_warning, act.visibility) == ("Caffeine", "unlisted")


def test_act_whose_picture_is_gone_is_refused(post: Post) -> None:
    task = Task(kind="post", payload={"text": "Fresh beans", "images": [0]})
    with pytest.raises(Refused):
        act_for(task)


def test_post_without_pictures_reads_none(post: Post, django_assert_num_queries: object) -> None:
    assert post.status == PostStatus.DRAFT
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert act_for(Task(kind="post", payload={"text": "Fresh beans"})).images == ()
