"""A message to somebody who commented, by way of the comment: once, and within a week."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from automation.channels.base import NotFound, Proof, Refused
from automation.channels.instagram.channel import InstagramChannel
from tests.channels.contract import act
from tests.channels.instagram.server import GraphServer
from tests.channels.instagram.shapes import Comment


@pytest.fixture
def comment(server: GraphServer) -> Comment:
    """Somebody who never wrote to us comments on our post."""
    return server.comment(server.add_media(server.roast, "New beans"), server.guest, "Which ones?")


def test_commenter_is_written_to_and_the_message_found_again(
    server: GraphServer, roast: InstagramChannel, comment: Comment
) -> None:
    wanted = replace(
        act(
            "dm",
            handle="guest.of_honour",
            remote_id=server.guest.user_id,
            post_id=comment.id,
            text="The dark ones",
        ),
        started_at=datetime.now(UTC),
    )
    with pytest.raises(NotFound):
        roast.message(replace(wanted, post_id=""))
    done = roast.message(wanted)
    assert [(one["to"], one["text"], one["id"]) for one in server.messages] == [
        (server.guest, "The dark ones", done.remote_id)
    ]
    assert comment.replies == []
    found = roast.reconcile(wanted)
    assert (found.proof, found.done.remote_id) == (Proof.PRESENT, done.remote_id)


def test_second_and_late_messages_are_refused(
    server: GraphServer, roast: InstagramChannel, comment: Comment
) -> None:
    wanted = act("dm", handle="guest.of_honour", post_id=comment.id, text="The dark ones")
    roast.message(wanted)
    with pytest.raises(Refused, match="already replied"):
        roast.message(wanted)
    late = server.comment(next(iter(server.media.values())), server.guest, "And?")
    late.at = time.time() - 8 * 86_400
    with pytest.raises(Refused):
        roast.message(replace(wanted, post_id=late.id))
    assert len(server.messages) == 1


@pytest.mark.parametrize("post_id", ["5", "../me"])
def test_comment_that_is_none_is_no_way_to_write(roast: InstagramChannel, post_id: str) -> None:
    with pytest.raises((NotFound, Refused)):
        roast.message(act("dm", handle="guest.of_honour", post_id=post_id, text="Hello"))
