"""Pictures, warnings and visibility, against a server that is not ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.channels.base import Act, ChannelError, Image, Proof, TryLater, Unknown
from automation.channels.mastodon.channel import MastodonChannel
from tests.channels.contract import act
from tests.channels.mastodon.conftest import MockServer
from tests.factories import make_picture

pytestmark = pytest.mark.peers
PICTURE = Image(make_picture(form="JPEG"), "image/jpeg", "A cup of tea", 8, 6)


def post(**details: object) -> Act:
    return replace(act("post", text="Look at this"), **details)  # type: ignore[arg-type]


def test_pictures_are_posted_with_their_words(ada: MastodonChannel, server: MockServer) -> None:
    ada.publish(post(images=(PICTURE, replace(PICTURE, alt="Another"))))
    media = server.statuses("ada")[0]["media_attachments"]
    assert [one["description"] for one in media] == ["A cup of tea", "Another"]


def test_post_stands_behind_its_warning_and_is_as_visible_as_asked(
    ada: MastodonChannel, server: MockServer
) -> None:
    ada.publish(post(content_warning="Tea", visibility="private"))
    newest = server.statuses("ada")[0]
    assert (newest["spoiler_text"], newest["visibility"]) == ("Tea", "private")


def test_post_with_all_of_it_is_found_again(ada: MastodonChannel) -> None:
    what = post(images=(PICTURE,), content_warning="Tea", visibility="unlisted")
    done = ada.publish(what)
    from_now = replace(what, started_at=ada.profile("ada").posts[0].created_at)
    finding = ada.reconcile(from_now)
    assert (finding.proof, finding.done.remote_id) == (Proof.PRESENT, done.remote_id)


@pytest.mark.parametrize("status", [500, 503])
def test_picture_that_cannot_be_uploaded_posts_nothing(
    ada: MastodonChannel, server: MockServer, status: int
) -> None:
    before = len(server.statuses("ada"))
    server.fault("/api/v2/media", methods=["POST"], status=status, body={"error": "Busy"})
    with pytest.raises(ChannelError) as caught:
        ada.publish(post(images=(PICTURE,)))
    assert isinstance(caught.value, TryLater)
    assert not isinstance(caught.value, Unknown)
    assert len(server.statuses("ada")) == before
