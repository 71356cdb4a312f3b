"""The driver against the running network: every method does what the protocol says."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from automation.channels import registry
from automation.channels.base import Act, AuthFailed, Channel, Login, NotFound, Proof, Refused
from automation.channels.sandbox.channel import connect
from automation.channels.sandbox.control import Control, OwnAccount, SyntheticPerson
from tests.channels.sandbox.conftest import dm


def test_registry_opens_the_sandbox(login: Login) -> None:
    assert registry.open_channel("sandbox", login).network == "sandbox"


def test_verify_names_the_account(channel: Channel, account: OwnAccount) -> None:
    info = channel.verify()
    assert (info.handle, info.remote_id, info.display_name) == (account.handle, account.id, account.name)


def test_profile_is_found_by_id_and_by_handle_in_any_spelling(channel: Channel, control: Control) -> None:
    person = next(one for one in control.people() if one.persona == "enthusiast")
    by_id = channel.profile("", person.id)
    assert by_id == channel.profile(f"@{person.handle.upper()}")
    assert by_id.handle == person.handle
    assert by_id.posts_count == len(by_id.posts) > 0
    times = [post.created_at for post in by_id.posts]
    assert times == sorted(times, reverse=True)
    assert all(time is not None and time.tzinfo for time in times)


def test_profile_of_nobody_is_not_found(channel: Channel) -> None:
    with pytest.raises(NotFound):
        channel.profile("nobody_at_all")


@pytest.mark.parametrize("handle", ["", "..", "a/b"])
def test_handle_that_is_no_part_of_a_path_is_not_found(channel: Channel, handle: str) -> None:
    with pytest.raises(NotFound):
        channel.profile(handle)


def _all_pages(fetch: object) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = fetch(cursor)  # type: ignore[operator]
        found += [profile.remote_id for profile in page.profiles]
        cursor = page.cursor
        if not cursor:
            return found


def test_search_pages_through_everybody_with_the_hashtag_once(channel: Channel, control: Control) -> None:
    found = _all_pages(lambda cursor: channel.search("#Coffee", cursor))
    assert len(found) == len(set(found)) > 0
    english = {p.id for p in control.people() if p.niche == "coffee" and p.language == "en" and p.fit}
    assert english <= set(found)


def test_search_needs_all_words(channel: Channel) -> None:
    both = channel.search("official shop").profiles
    assert both
    assert all("Official shop" in profile.bio for profile in both)
    assert channel.search("official nonexistentword").profiles == ()


def test_related_lists_the_followers(channel: Channel, control: Control) -> None:
    person = max(
        (channel.profile(one.handle) for one in control.people()[:40]),
        key=lambda one: one.followers_count or 0,
    )
    found = _all_pages(lambda cursor: channel.related(person.handle, person.remote_id, cursor))
    assert len(found) == len(set(found)) == person.followers_count


def test_commenters_are_people_who_commented(channel: Channel, control: Control) -> None:
    replied = [
        profile
        for profile in (channel.profile(one.handle) for one in control.people())
        if any(post.replies for post in profile.posts)
    ]
    found = _all_pages(lambda cursor: channel.commenters(replied[0].handle, replied[0].remote_id, cursor))
    assert found
    assert replied[0].remote_id not in found


def test_commenters_of_posts_with_more_than_so_many_comments(channel: Channel, control: Control) -> None:
    author, *others = (one.handle for one in control.people())
    fans, passer_by = others[:3], others[3]
    busy, quiet = control.write(author, "Three say something"), control.write(author, "One does")
    before = set(_all_pages(lambda cursor: channel.commenters(author, cursor=cursor, over=2)))
    for fan in fans[:2]:
        control.say(fan, "First!", post_id=busy)
    assert set(_all_pages(lambda cursor: channel.commenters(author, cursor=cursor, over=2))) == before
    control.say(fans[2], "Third!", post_id=busy)
    control.say(passer_by, "Only me?", post_id=quiet)
    found = set(_all_pages(lambda cursor: channel.commenters(author, cursor=cursor, over=2)))
    ids = {handle: channel.profile(handle).remote_id for handle in (*fans, passer_by)}
    assert {ids[fan] for fan in fans} <= found
    assert ids[passer_by] not in found - before


def test_posts_tell_their_likes(channel: Channel, control: Control) -> None:
    posts = [post for one in control.people()[:30] for post in channel.profile(one.handle).posts]
    assert {post.likes is None for post in posts} == {False}
    assert max(post.likes or 0 for post in posts) > 0


def test_cursor_of_another_list_is_refused(channel: Channel) -> None:
    cursor = channel.inbox("").cursor
    with pytest.raises(Refused):
        channel.search("#coffee", cursor)


def test_message_is_in_the_ledger_with_its_send_id(
    channel: Channel, control: Control, account: OwnAccount, person: SyntheticPerson
) -> None:
    act = dm(person, "Grüße \x00 \ud800 🌱")
    before = datetime.now(UTC)
    done = channel.message(act)
    taken = control.ledger()[-1]
    assert (taken.account, taken.kind, taken.target) == (account.handle, "dm", person.id)
    assert (taken.text, taken.send_id, taken.remote_id) == (act.text, str(act.send_id), done.remote_id)
    assert before - timedelta(seconds=1) < taken.at < datetime.now(UTC) + timedelta(seconds=1)


def test_follow_and_unfollow_change_the_followers(
    channel: Channel, account: OwnAccount, person: SyntheticPerson
) -> None:
    before = channel.profile(person.handle).followers_count or 0
    channel.follow(Act("follow", uuid4(), handle=person.handle))
    assert channel.profile(person.handle).followers_count == before + 1
    channel.unfollow(Act("unfollow", uuid4(), remote_id=person.id))
    assert channel.profile(person.handle).followers_count == before


def test_publish_like_reply_and_metrics(channel: Channel, control: Control) -> None:
    post = channel.publish(
        Act("post", uuid4(), text="New bowls. #ceramics", link="https://example.org/bowls")
    )
    assert post.url.endswith(f"/post/{post.remote_id}")
    assert control.ledger()[-1].link == "https://example.org/bowls"
    theirs = next(p for p in (channel.profile(one.handle) for one in control.people()) if p.posts).posts[0]
    liked = channel.metrics([theirs.remote_id])[0].likes
    channel.like(Act("like", uuid4(), post_id=theirs.remote_id))
    answer = channel.reply(Act("reply", uuid4(), post_id=theirs.remote_id, text="Lovely."))
    figures = channel.metrics([theirs.remote_id, post.remote_id, answer.remote_id, "nothing"])
    assert [one.remote_id for one in figures] == [
        theirs.remote_id,
        post.remote_id,
        answer.remote_id,
        "nothing",
    ]
    assert (figures[0].likes, figures[0].replies) == (liked + 1, theirs.replies + 1)
    assert [one.gone for one in figures] == [False, False, False, True]


def test_metrics_of_many_posts_come_in_order(channel: Channel) -> None:
    ids = [channel.publish(Act("post", uuid4(), text=f"Post {number}")).remote_id for number in range(5)] * 50
    assert [one.remote_id for one in channel.metrics(ids)] == ids


def test_deleted_post_is_gone(channel: Channel, control: Control) -> None:
    post = channel.publish(Act("post", uuid4(), text="Soon gone"))
    control.delete_post(post.remote_id)
    assert channel.metrics([post.remote_id])[0].gone
    with pytest.raises(NotFound):
        channel.reply(Act("reply", uuid4(), post_id=post.remote_id, text="Hello?"))


def test_inbox_has_messages_and_comments_in_order_and_goes_on_from_its_cursor(
    channel: Channel, control: Control, account: OwnAccount, person: SyntheticPerson
) -> None:
    start = channel.inbox("")
    while start.more:
        start = channel.inbox(start.cursor)
    post = channel.publish(Act("post", uuid4(), text="What do you think?"))
    message = control.say(person.handle, "Hi there", account=account.handle, automatic=True)
    comment = control.say(person.handle, "Nice", post_id=post.remote_id)
    page = channel.inbox(start.cursor)
    assert [(one.remote_id, one.kind, one.automatic) for one in page.messages] == [
        (message, "dm", True),
        (comment, "comment", False),
    ]
    assert page.messages[1].post_id == post.remote_id
    assert page.messages[0].sender_id == person.id
    assert page.messages[0].sent_at < page.messages[1].sent_at
    assert channel.inbox(page.cursor).messages == ()
    assert channel.inbox(page.cursor).cursor == page.cursor


def test_inbox_pages_ask_for_more(
    channel: Channel, control: Control, account: OwnAccount, person: SyntheticPerson
) -> None:
    for number in range(60):
        control.say(person.handle, f"Message {number}", account=account.handle)
    texts: list[str] = []
    page = channel.inbox("")
    texts += [one.text for one in page.messages]
    assert page.more
    while page.more:
        page = channel.inbox(page.cursor)
        texts += [one.text for one in page.messages]
    assert texts[-60:] == [f"Message {number}" for number in range(60)]


def test_reconcile_finds_what_happened_and_proves_what_did_not(
    channel: Channel, person: SyntheticPerson
) -> None:
    act = dm(person)
    assert channel.reconcile(act).proof is Proof.ABSENT
    done = channel.message(act)
    finding = channel.reconcile(act)
    assert (finding.proof, finding.done) == (Proof.PRESENT, done)


def test_reconcile_sees_only_the_accounts_own_acts(
    channel: Channel, control: Control, account: OwnAccount, person: SyntheticPerson
) -> None:
    act = dm(person)
    channel.message(act)
    other = next(one for one in control.accounts() if one.id != account.id)
    assert connect(other.login(control.url)).reconcile(act).proof is Proof.ABSENT


@pytest.mark.parametrize("token", [None, "", "with space", "new\nline", "ünicode", 7])
def test_token_that_cannot_be_one_fails_before_any_request(login: Login, token: object) -> None:
    with pytest.raises(AuthFailed):
        connect(Login(1, login.handle, login.server, secret={"token": token}))


@pytest.mark.parametrize("server", ["", "ftp://127.0.0.1", "http://user:pass@127.0.0.1"])
def test_server_that_is_no_address_is_refused(server: str) -> None:
    with pytest.raises(Refused):
        connect(Login(1, "me", server, secret={"token": "abc"}))


def test_wrong_token_is_auth_failed_and_never_shown(login: Login) -> None:
    token = "canary-3f9a"
    channel = connect(Login(1, login.handle, login.server, secret={"token": token}))
    with pytest.raises(AuthFailed) as caught:
        channel.verify()
    assert token not in f"{caught.value!r} {channel!r} {login!r}"


def test_empty_text_and_oneself_are_refused(
    channel: Channel, account: OwnAccount, person: SyntheticPerson
) -> None:
    with pytest.raises(Refused):
        channel.message(dm(person, "   "))
    with pytest.raises(Refused):
        channel.follow(Act("follow", uuid4(), remote_id=account.id))


def test_threads_share_connections_and_lose_nothing(
    channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    before = control.summary()
    acts = [dm(person, f"Thread {number}") for number in range(200)]
    with ThreadPoolExecutor(32) as pool:
        done = list(pool.map(channel.message, acts))
    after = control.summary()
    assert len({one.remote_id for one in done}) == 200
    assert after.total - before.total == 200
    assert after.duplicate_send_ids == before.duplicate_send_ids


def _send_in_child(login: Login, person: SyntheticPerson, number: int) -> None:
    channel = connect(login)
    for one in range(20):
        channel.message(dm(person, f"Child {number} {one}"))


def test_forked_children_do_not_speak_on_their_parents_connection(
    login: Login, channel: Channel, control: Control, person: SyntheticPerson
) -> None:
    channel.verify()  # the parent has a connection open now
    before = control.summary().total
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_send_in_child, args=(login, person, number)) for number in range(4)]
    for child in children:
        child.start()
    parents = [channel.message(dm(person, f"Parent {number}")) for number in range(20)]
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0] * 4
    assert len(parents) == 20
    assert control.summary().total - before == 100
