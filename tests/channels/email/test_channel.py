"""The shared contract, and everything about one mailbox that goes as it should."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from automation.channels.base import AuthFailed, NotFound, Proof, Refused, TryLater
from automation.channels.email.channel import EmailChannel, connect
from tests.channels.contract import ChannelContract, Pair, act, read_inbox
from tests.channels.email.conftest import OURS, mail
from tests.channels.email.world import MailWorld
from tests.loopback_proxy import LoopbackProxy


class TestContract(ChannelContract):
    """What the contract says of profiles, posts and follows does not exist here; mails take the place of messages."""

    @pytest.fixture
    def pair(self, world: MailWorld) -> Iterator[Pair]:
        login = world.login(OURS)
        ours, theirs = connect(login), connect(world.login("cara@ours.test"))
        yield Pair(connect, login, OURS, ours, "cara@ours.test", theirs, query="")
        ours.close()
        theirs.close()

    test_profile_is_found_by_handle = None
    test_unknown_profile_is_not_found = None
    test_search_finds_a_profile_and_ends = None
    test_follow_shows_among_their_followers_and_unfollow_ends_it = None
    test_reply_is_a_comment_to_its_author = None
    test_likes_and_replies_are_counted = None
    test_link_is_part_of_the_post = None
    test_states_are_proved_either_way = None
    test_likes_are_proved_either_way = None
    test_the_same_words_sent_before_prove_nothing = None
    test_following_nobody_is_not_found = None

    def test_a_message_to_nobody_is_not_sent(self, pair: Pair, world: MailWorld) -> None:
        world.smtp.fault("rcpt", "550 5.1.1 user unknown", address="nobody@ours.test")
        with pytest.raises(NotFound):
            pair.ours.message(act("email", handle="nobody@ours.test", text="Hello", subject="Hello"))
        assert world.smtp.taken == []

    def test_a_wrong_password_fails_without_telling_it(self, pair: Pair) -> None:
        for field in ("password", "imap_password"):
            with pytest.raises(AuthFailed) as caught:
                pair.connect(replace(pair.login, secret={**pair.login.secret, field: "canary-7c1f"})).verify()
            shown = f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"
            assert "canary-7c1f" not in shown

    def test_message_arrives_once_and_the_cursor_moves_past_it(self, pair: Pair) -> None:
        _, before = read_inbox(pair.theirs)
        text = f"Good morning {uuid.uuid4().hex}"
        done = pair.ours.message(act("email", handle=pair.their_handle, text=text, subject="Re: Hello"))
        messages, after = read_inbox(pair.theirs, before)
        assert [(m.kind, m.handle, m.text, m.automatic) for m in messages] == [
            ("email", pair.our_handle, text, False)
        ]
        assert messages[0].remote_id == done.remote_id
        assert messages[0].sent_at.tzinfo is not None
        assert read_inbox(pair.theirs, after) == ([], after)

    def test_messages_come_oldest_first(self, pair: Pair) -> None:
        _, before = read_inbox(pair.theirs)
        for number in range(3):
            pair.ours.message(
                act("email", handle=pair.their_handle, text=f"Number {number}", subject="Re: x")
            )
        assert [m.text for m in read_inbox(pair.theirs, before)[0]] == ["Number 0", "Number 1", "Number 2"]

    @pytest.mark.parametrize("kind", ["email"])
    def test_what_was_written_is_found_again(self, pair: Pair, kind: str) -> None:
        wanted = replace(
            act(kind, handle=pair.their_handle, text="Here", subject="I am"), started_at=pair.now()
        )
        with pytest.raises(TryLater):
            pair.ours.reconcile(wanted)
        done = pair.ours.message(wanted)
        finding = pair.ours.reconcile(wanted)
        assert (finding.proof, finding.done.remote_id) == (Proof.PRESENT, done.remote_id)


def test_message_id_is_known_before_sending(world: MailWorld, channel: EmailChannel) -> None:
    wanted = mail()
    done = channel.message(wanted)
    assert done.remote_id == f"{wanted.send_id.hex}@ours.test"
    assert [taken.message_id for taken in world.smtp.taken] == [done.remote_id]


def test_one_connection_serves_many_mails(world: MailWorld, channel: EmailChannel) -> None:
    before = world.smtp.connections
    for _ in range(3):
        channel.message(mail())
    assert world.smtp.connections == before + 1


def test_first_reading_begins_with_what_comes_from_now_on(world: MailWorld, channel: EmailChannel) -> None:
    world.arrives(OURS, b"From: old@people.test\r\nMessage-ID: <old@x>\r\nSubject: Old\r\n\r\nOld news\r\n")
    page = channel.inbox("")
    assert (page.messages, page.more) == ((), False)
    world.arrives(OURS, b"From: new@people.test\r\nMessage-ID: <new@x>\r\nSubject: New\r\n\r\nNews\r\n")
    assert [m.remote_id for m in channel.inbox(page.cursor).messages] == ["new@x"]


def test_an_outage_loses_nothing(world: MailWorld, channel: EmailChannel) -> None:
    _, cursor = read_inbox(channel)
    world.imap.down()
    for number in range(90):
        world.arrives(OURS, f"From: bob@people.test\r\nMessage-ID: <n{number}@x>\r\n\r\nText\r\n".encode())
    with pytest.raises(TryLater):
        channel.inbox(cursor)
    world.imap.up()
    found, after = read_inbox(channel, cursor)
    assert [m.remote_id for m in found] == [f"n{number}@x" for number in range(90)]
    assert read_inbox(channel, after) == ([], after)


def test_a_mailbox_numbered_anew_is_read_again(world: MailWorld, channel: EmailChannel) -> None:
    _, cursor = read_inbox(channel)
    world.arrives(OURS, b"From: bob@people.test\r\nMessage-ID: <a@x>\r\n\r\nOne\r\n")
    _, cursor = read_inbox(channel, cursor)
    world.arrives(OURS, b"From: bob@people.test\r\nMessage-ID: <b@x>\r\n\r\nTwo\r\n")
    world.imap.renumber(OURS)
    found, after = read_inbox(channel, cursor)
    assert [m.remote_id for m in found] == ["a@x", "b@x"]
    assert read_inbox(channel, after) == ([], after)


def test_mails_come_in_the_order_they_arrived_whatever_their_numbers(
    world: MailWorld, channel: EmailChannel
) -> None:
    _, cursor = read_inbox(channel)
    now = datetime.now(UTC)
    for name, ago in (("new", 0), ("old", 60), ("older", 3600)):
        content = f"From: bob@people.test\r\nMessage-ID: <{name}@x>\r\n\r\nText\r\n".encode()
        world.imap.put(OURS, content, at=now - timedelta(seconds=ago))
    found, after = read_inbox(channel, cursor)
    assert [m.remote_id for m in found] == ["older@x", "old@x", "new@x"]
    assert read_inbox(channel, after) == ([], after)


def test_an_answer_proves_that_a_mail_went_out(world: MailWorld, channel: EmailChannel) -> None:
    world.files_sent = False
    wanted = mail(started_at=datetime.now(UTC) - timedelta(hours=1))
    channel.message(wanted)
    assert channel.reconcile(wanted).proof is Proof.NONE
    world.reply(world.smtp.taken[0], "Yes please")
    assert channel.reconcile(wanted).proof is Proof.PRESENT


def test_without_a_mailbox_to_read_nothing_is_proved(world: MailWorld) -> None:
    channel = connect(world.login(OURS, imap_host=""))
    assert channel.reconcile(mail()).proof is Proof.NONE
    assert channel.inbox("").messages == ()


def test_what_e_mail_does_not_have_is_refused(channel: EmailChannel) -> None:
    for call in (channel.publish, channel.reply, channel.follow, channel.unfollow, channel.like):
        with pytest.raises(Refused):
            call(mail())
    for look in (channel.profile, channel.search, channel.related, channel.commenters):
        with pytest.raises(Refused):
            look("bob")
    with pytest.raises(Refused):
        channel.metrics(["1"])


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("smtp_host", "", "SMTP server"), ("smtp_port", "many", "SMTP port"), ("smtp_security", "ssl3", "SMTP security"),
        ("imap_host", "a b", "IMAP server"), ("imap_port", "70000", "IMAP port"), ("provider", "pigeon", "provider"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_right_are_named(world: MailWorld, field: str, value: str, told: str) -> None:
    with pytest.raises(AuthFailed, match=told):
        connect(world.login(OURS, **{field: value}))


def test_a_password_never_leaves_unencrypted(world: MailWorld) -> None:
    with pytest.raises(AuthFailed, match="Without encryption"):
        connect(world.login(OURS, smtp_host="mail.example.org"))


def test_addresses_inside_are_refused(world: MailWorld, settings: object) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = []  # type: ignore[attr-defined]
    login = world.login(OURS, smtp_security="starttls", imap_security="tls")
    with pytest.raises(AuthFailed, match="private network"):
        connect(login).verify()


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_everything_goes_through_the_accounts_own_proxy(world: MailWorld, scheme: str) -> None:
    proxy = LoopbackProxy(scheme).start()
    channel = connect(replace(world.login(OURS), proxy=proxy.url))
    channel.verify()
    channel.message(mail())
    channel.close()
    proxy.stop()
    assert {port for _, port in proxy.targets} == {world.smtp.port, world.imap.port}
    assert len(world.smtp.taken) == 1
