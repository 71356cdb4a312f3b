"""What only Bluesky's own software can tell: limits, takedowns, pictures and facets it accepts, and its clock of things."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from automation.channels.base import AuthFailed, Image, Login, NotFound, Proof, Refused, TryLater, Unknown
from automation.channels.bluesky import keys, records
from automation.channels.bluesky.audit import Auditor
from automation.channels.bluesky.channel import BlueskyChannel
from tests.channels.contract import act
from tests.factories import make_picture
from tests.peers.bluesky.conftest import login
from tests.peers.bluesky.server import Network, Person

pytestmark = [pytest.mark.bluesky, pytest.mark.timeout(300)]
POST = "app.bsky.feed.post"


@pytest.fixture(scope="module")
def alan(network: Network) -> Person:
    return network.join("alan")


@pytest.fixture(scope="module")
def channel(network: Network, alan: Person) -> BlueskyChannel:
    return BlueskyChannel(login(network, alan))


@pytest.fixture
def taken_down(network: Network) -> Iterator[Person]:
    person = network.join(f"gone{time.time_ns() % 10**9}")
    yield person
    with contextlib.suppress(RuntimeError):
        network.take_down(person, applied=False)


def test_post_with_pictures_links_and_a_mention_is_taken_and_found(
    network: Network, alan: Person, ada: Person, channel: BlueskyChannel
) -> None:
    picture = Image(make_picture(40, 30, form="JPEG"), "image/jpeg", "A plain field", 40, 30)
    link = "https://example.org/a/long/path/that/nobody/wants/to/read?q=1"
    what = replace(
        act("post", text=f"Hello @{ada.handle}, Zoë 👩‍👩‍👧‍👦 #tea", link=link), images=(picture, picture)
    )
    done = channel.publish(what)
    record = next(one for one in network.records(alan, POST) if one["uri"] == done.remote_id)["value"]
    assert [image["alt"] for image in record["embed"]["images"]] == ["A plain field"] * 2
    features = [facet["features"][0] for facet in record["facets"]]
    assert [one.get("did") or one.get("tag") or one.get("uri") for one in features] == [ada.did, "tea", link]
    assert channel.reconcile(what).done.remote_id == done.remote_id


def test_the_same_act_again_is_refused_by_the_server_and_proved(
    network: Network, alan: Person, channel: BlueskyChannel
) -> None:
    what = act("post", text="Only once")
    channel.publish(what)
    before = len(network.records(alan, POST))
    with pytest.raises(Unknown):
        channel.publish(what)
    assert len(network.records(alan, POST)) == before
    assert channel.reconcile(what).proof is Proof.PRESENT


def test_follow_made_elsewhere_is_known_and_ended(
    network: Network, alan: Person, grace: Person, channel: BlueskyChannel
) -> None:
    network.write(alan, {"subject": grace.did}, "app.bsky.graph.follow")
    ends = time.monotonic() + 20
    follow = act("follow", handle=grace.handle)
    while channel.reconcile(follow).proof is not Proof.PRESENT and time.monotonic() < ends:
        time.sleep(0.2)
    channel.follow(follow)
    assert len(network.records(alan, "app.bsky.graph.follow")) == 1
    channel.unfollow(act("unfollow", handle=grace.handle))
    assert network.records(alan, "app.bsky.graph.follow") == []


def test_keys_are_taken_by_the_server(channel: BlueskyChannel) -> None:
    for _ in range(5):
        what = act("post", text="A key")
        assert channel.publish(what).remote_id.endswith(f"/{keys.of_send(what.send_id)}")


def test_too_long_a_text_is_refused(channel: BlueskyChannel) -> None:
    with pytest.raises(Refused):
        channel.publish(act("post", text="x" * 301))


def test_post_that_was_deleted_is_gone(network: Network, channel: BlueskyChannel) -> None:
    done = channel.publish(act("post", text="Soon gone"))
    assert not channel.metrics([done.remote_id])[0].gone
    client = channel._begin()
    records.delete(client, done.remote_id)
    ends = time.monotonic() + 20
    while not channel.metrics([done.remote_id])[0].gone and time.monotonic() < ends:
        time.sleep(0.2)
    assert channel.metrics([done.remote_id])[0].gone


def test_account_taken_down_is_an_auth_failure(network: Network, taken_down: Person) -> None:
    theirs = BlueskyChannel(login(network, taken_down))
    theirs.verify()
    network.take_down(taken_down)
    for call in (theirs.verify, lambda: theirs.publish(act("post", text="x"))):
        with pytest.raises(AuthFailed):
            call()
    with pytest.raises(AuthFailed):
        BlueskyChannel(login(network, taken_down)).verify()


def test_sign_ins_beyond_the_limit_wait_for_its_reset(network: Network) -> None:
    person = network.join("hasty")
    with pytest.raises(TryLater) as caught:
        for _ in range(40):
            BlueskyChannel(login(network, person)).verify()
    assert caught.value.rate_limited
    assert caught.value.retry_after is not None
    assert 200 < caught.value.retry_after <= 302


def test_nobody_is_not_found_in_any_way(network: Network, channel: BlueskyChannel) -> None:
    for handle in ("nobody.test", "no_handle", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"):
        with pytest.raises(NotFound):
            channel.profile(handle)
        with pytest.raises(NotFound):
            channel.follow(act("follow", handle=handle))


def test_audit_sees_what_was_done(network: Network, ada: Person) -> None:
    person = network.join("auditee")
    theirs = BlueskyChannel(login(network, person))
    theirs.publish(act("post", text="Seen", link="https://example.org/whole"))
    theirs.follow(act("follow", handle=ada.handle))
    secret = {"app_password": person.password}
    seen = Auditor(Login(0, person.handle, network.url, secret=secret), "").look()
    assert [post.text for post in seen.posts] == ["Seen\n\nhttps://example.org/whole"]
    assert [follow.subject for follow in seen.follows] == [ada.did]
