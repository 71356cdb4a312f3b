"""A post that a network would not take is refused when it is scheduled, with every reason."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from automation.content import services
from automation.content.fitting import check_fits
from automation.content.images import add_image
from automation.models import Post, Task
from tests.factories import make_account, make_lane, make_picture

pytestmark = pytest.mark.django_db
FAMILY = "👩‍👩‍👧‍👦"


def problems(post: Post, network: str) -> list[str]:
    try:
        check_fits(post, network)
    except ValidationError as error:
        return error.messages
    return []


@pytest.mark.parametrize(
    ("network", "text", "link", "fits"),
    [
        ("bluesky", "x" * 300, "", True),
        ("bluesky", "x" * 301, "", False),
        ("bluesky", FAMILY * 119, "", True),
        ("bluesky", FAMILY * 121, "", False),  # 300 graphemes would fit, 3,025 bytes do not
        ("bluesky", "e\u0301" * 300, "", True),
        ("bluesky", "x" * 287, "https://example.org/", True),  # a blank line and the host
        ("bluesky", "x" * 288, "https://example.org/", False),
        ("mastodon", "x" * 500, "", True),
        ("mastodon", "x" * 501, "", False),
        ("mastodon", "x" * 475, "https://example.org/" + "y" * 200, True),  # any link counts 23
        ("mastodon", "x" * 476, "https://example.org/", False),
        ("mastodon", "@ada@a-long-server-name.example.org " + "x" * 495, "", True),
        ("sandbox", "x" * 5000, "", True),
    ],
)
def test_length_is_counted_as_the_network_does(network: str, text: str, link: str, fits: bool) -> None:
    found = problems(Post(text=text, link=link), network)
    assert (not found) is fits, found


def test_refusal_says_how_much_to_shorten() -> None:
    assert problems(Post(text="x" * 310), "bluesky") == [
        "Bluesky takes posts of 300 characters; this one has 310. Shorten it by 10."
    ]


def test_pictures_need_words_and_a_network_that_takes_them() -> None:
    post = services.create_post(text="Fresh beans", by="test")
    for number in range(5):
        add_image(post=post, upload=make_picture(), alt="" if number == 1 else "Beans", by="test")
    assert problems(post, "bluesky") == [
        "Bluesky takes at most 4 pictures; this post has 5.",
        "Picture 2 has no alt text. Say in words what it shows.",
    ]
    assert "takes no pictures from here" in problems(post, "sandbox")[0]


def test_what_a_network_does_not_know_is_refused() -> None:
    assert "no posts for" in problems(Post(text="x", visibility="private"), "bluesky")[0]
    assert problems(Post(text="x", visibility="public"), "bluesky") == []
    assert problems(Post(text="x", visibility="private", content_warning="Tea"), "mastodon") == []
    assert "no content warnings" in problems(Post(text="x", content_warning="Tea"), "sandbox")[0]


def test_too_long_a_post_is_not_scheduled() -> None:
    account = make_lane(make_account(network="bluesky", server="", handle="ada.test")).account
    post = services.create_post(text="x" * 301, by="test")
    services.approve(post=post, by="test")
    with pytest.raises(ValidationError, match="Shorten it by 1"):
        services.schedule(post=post, account=account, by="test")
    assert not Task.objects.exists()


def test_a_server_that_takes_more_than_its_network_is_believed() -> None:
    account = make_account(network="mastodon", longest_post=600)
    make_lane(account)
    post = services.create_post(text="x" * 600, by="ann")
    services.submit(post=post, by="ann")
    services.approve(post=post, by="ann")
    assert services.schedule(post=post, account=account, by="ann").account == account


def test_a_server_that_takes_less_is_believed_too() -> None:
    account = make_account(network="mastodon", longest_post=400)
    make_lane(account)
    post = services.create_post(text="x" * 401, by="ann")
    services.submit(post=post, by="ann")
    services.approve(post=post, by="ann")
    with pytest.raises(ValidationError, match="Its server takes posts of 400 characters; this one has 401"):
        services.schedule(post=post, account=account, by="ann")
