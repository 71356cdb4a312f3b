from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts import services
from accounts.enums import AccountStatus, Role
from accounts.models import Account, Credential, Limit, WarmUp
from outreach.lib import events
from tests.accounts.recorder import Recorder
from tests.factories import make_account

SECRET = "s3cret-canary-value"
GOOD: dict[str, Any] = {
    "network": "sandbox", "handle": "alice", "secret": {"token": SECRET}, "server": "http://localhost:9000", "by": "ann",
}  # fmt: skip
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def errors(refusal: pytest.ExceptionInfo[ValidationError]) -> dict[str, list[str]]:
    return refusal.value.message_dict


def test_create_account_stores_it_whole_and_pending(recorder: Recorder) -> None:
    account = services.create_account(
        **{**GOOD, "handle": " @Alice "}, time_zone="Europe/Berlin", role=Role.CHAT, display_name=" Alice A. ",
        limits={"dm": 20, "follow": 5}, warm_ups={"dm": services.Ramp(3, 2, 30)},
    )  # fmt: skip
    account.refresh_from_db()
    assert (account.handle, account.display_name, account.status) == (
        "Alice",
        "Alice A.",
        AccountStatus.PENDING,
    )
    assert (account.time_zone, account.role, account.server) == (
        "Europe/Berlin",
        "chat",
        "http://localhost:9000",
    )
    assert account.credential.secret == {"token": SECRET}
    assert dict(account.limits.values_list("kind", "limit")) == {"dm": 20, "follow": 5}
    ramp = account.warm_ups.get()
    assert (ramp.kind, ramp.start, ramp.step, ramp.ceiling) == ("dm", 3, 2, 30)
    (event,) = recorder.events
    assert (event.name, event.model, event.ids, event.by) == (
        "account.created",
        "Account",
        (account.pk,),
        "ann",
    )


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"network": "myspace"}, "network", '"myspace" is not a network. Known: '),
        ({"time_zone": "Mars/Olympus"}, "time_zone", '"Mars/Olympus" is not a time zone'),
        ({"handle": "  @ "}, "handle", "This field cannot be blank."),
        ({"handle": "x" * 256}, "handle", "at most 255 characters"),
        ({"secret": {}}, "secret", "Access token is missing."),
        ({"secret": {"token": "  "}}, "secret", "Access token is missing."),
        ({"secret": "token"}, "secret", "a mapping"),
        ({"server": ""}, "server", "has many servers. Say which"),
        ({"server": "ftp://somewhere"}, "server", "is no address of a server"),
        ({"server": "https://user:pw@host"}, "server", "is no address of a server"),
        ({"server": "https://host/path"}, "server", "is no address of a server"),
        ({"server": "https://host:port"}, "server", "is no address of a server"),
        ({"role": "king"}, "role", "is not a valid choice"),
        ({"limits": {"dm": -1}}, "limit", "-1 is below zero. Use 0 for never."),
        ({"limits": {"teleport": 3}}, "kind", '"teleport" is no kind of act'),
        ({"warm_ups": {"dm": services.Ramp(9, 1, 3)}}, "ceiling", "The ceiling 3 is below the start 9"),
    ],
)
def test_create_account_refuses_by_field_and_writes_nothing(
    change: dict[str, Any], field: str, message: str, recorder: Recorder
) -> None:
    with pytest.raises(ValidationError) as refusal:
        services.create_account(**{**GOOD, **change})
    assert list(errors(refusal)) == [field]
    assert message in errors(refusal)[field][0]
    assert SECRET not in str(refusal.value)
    assert not Account.objects.exists()
    assert not any(
        (Credential.objects.exists(), Limit.objects.exists(), WarmUp.objects.exists(), recorder.events)
    )


@pytest.mark.parametrize("handle", ["alice", "ALICE", "@Alice "])
def test_create_account_refuses_a_handle_twice_in_any_letter_case(handle: str) -> None:
    services.create_account(**GOOD)
    with pytest.raises(ValidationError) as refusal:
        services.create_account(**{**GOOD, "handle": handle})
    assert "There is already an account" in errors(refusal)["handle"][0]
    services.create_account(**{**GOOD, "handle": handle, "network": "mastodon"})


def test_create_account_refuses_a_handle_taken_between_look_and_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services.create_account(**GOOD)
    monkeypatch.setattr("accounts.services.checks.unique_handle", lambda account: None)
    with pytest.raises(ValidationError) as refusal:
        services.create_account(**{**GOOD, "handle": "Alice"})
    assert "There is already an account" in errors(refusal)["handle"][0]
    assert Account.objects.count() == Credential.objects.count() == 1


def test_create_account_completes_the_address_of_a_server() -> None:
    assert services.create_account(**{**GOOD, "server": "social.example/"}).server == "https://social.example"


def test_secrets_are_never_in_plain_text() -> None:
    account = services.create_account(**GOOD)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_credential")
        stored = repr(cursor.fetchall())
    assert "gAAAA" in stored
    assert SECRET not in stored
    credential = Credential.objects.get(account=account)
    for shown in (repr(account), str(account), repr(credential), str(credential), repr(account.__dict__)):
        assert SECRET not in shown


def test_update_account_changes_what_differs_and_says_so(recorder: Recorder) -> None:
    account = make_account(niche="old")
    services.update_account(
        account=account,
        by="ann",
        niche="new",
        role=account.role,
        window_opens=time(9),
        window_closes=time(17),
    )
    account.refresh_from_db()
    assert (account.niche, account.window_opens, account.status) == ("new", time(9), AccountStatus.ACTIVE)
    (event,) = recorder.events
    assert (event.name, event.data) == (
        "account.changed",
        {"fields": ["niche", "window_closes", "window_opens"]},
    )
    services.update_account(account=account, by="ann", niche="new")
    assert len(recorder.events) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "UTC"}, "time_zone"),
        ({"status": "active"}, "status"),
        ({"network": "x"}, "network"),
        ({"handle": ""}, "handle"),
        ({"handle": "TAKEN"}, "handle"),
        ({"sending_gap": -1}, "sending_gap"),
        ({"window_opens": time(9)}, "window_closes"),
        ({"server": "nowhere at all"}, "server"),
    ],
)
def test_update_account_refuses_by_field_and_changes_nothing(
    changes: dict[str, Any], field: str, recorder: Recorder
) -> None:
    make_account(handle="taken")
    account = make_account(handle="alice")
    before = Account.objects.filter(pk=account.pk).values().get()
    with pytest.raises(ValidationError) as refusal:
        services.update_account(account=account, by="ann", niche="new", **changes)
    assert list(errors(refusal)) == [field]
    assert Account.objects.filter(pk=account.pk).values().get() == before
    assert not recorder.events
    assert account.niche == ""


def test_another_handle_has_to_be_verified_again() -> None:
    account = make_account(handle="alice")
    services.update_account(account=account, by="ann", handle="@bob")
    account.refresh_from_db()
    assert (account.handle, account.remote_id, account.verified_at) == ("bob", "", None)
    assert account.status == AccountStatus.PENDING


def test_another_handle_leaves_a_paused_account_paused_and_resuming_makes_it_pending() -> None:
    account = make_account(status=AccountStatus.PAUSED)
    services.update_account(account=account, by="ann", handle="bob")
    assert account.status == AccountStatus.PAUSED
    assert services.resume(account=account, by="ann").status == AccountStatus.PENDING


def test_set_credentials_replaces_the_secret_and_frees_a_failed_account(recorder: Recorder) -> None:
    account = make_account(status=AccountStatus.ERROR, verified_at=None)
    services.set_credentials(account=account, secret={"token": "new"}, by="ann")
    assert Credential.objects.get(account=account).secret == {"token": "new"}
    assert Account.objects.get(pk=account.pk).status == AccountStatus.PENDING
    assert [event.name for event in recorder.events] == ["account.status_changed", "account.changed"]
    assert "new" not in repr(recorder.events[-1].data)


def test_set_credentials_refuses_an_incomplete_secret_and_keeps_the_old() -> None:
    account = make_account(secret={"token": "old"})
    with pytest.raises(ValidationError, match="Access token is missing"):
        services.set_credentials(account=account, secret={"password": "x"}, by="ann")
    assert Credential.objects.get(account=account).secret == {"token": "old"}


def test_link_chat_accounts_takes_chat_accounts_only() -> None:
    account, chat = make_account(), make_account(role=Role.CHAT)
    services.link_chat_accounts(account=account, chat_accounts=[chat], by="ann")
    assert list(account.chat_accounts.all()) == [chat]
    for wrong in (account, make_account(role=Role.PUBLISH)):
        with pytest.raises(ValidationError):
            services.link_chat_accounts(account=account, chat_accounts=[wrong], by="ann")
    assert list(account.chat_accounts.all()) == [chat]


def test_change_time_zone_waits_for_the_old_zones_midnight(recorder: Recorder) -> None:
    account = make_account(time_zone="Europe/Berlin")
    services.change_time_zone(account=account, time_zone="Asia/Tokyo", by="ann", at=NOON)
    account.refresh_from_db()
    midnight = datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert (account.time_zone, account.next_time_zone, account.next_time_zone_at) == (
        "Europe/Berlin", "Asia/Tokyo", midnight,
    )  # fmt: skip
    assert str(account.zone_at(midnight)) == "Asia/Tokyo"
    assert [event.data for event in recorder.events] == [{"fields": ["next_time_zone"]}]


def test_change_time_zone_again_replaces_the_waiting_one_and_back_cancels_it() -> None:
    account = make_account(time_zone="UTC")
    for zone in ("Asia/Tokyo", "America/New_York"):
        services.change_time_zone(account=account, time_zone=zone, by="ann", at=NOON)
        assert (account.next_time_zone, account.next_time_zone_at) == (
            zone,
            datetime(2026, 11, 23, tzinfo=UTC),
        )
    services.change_time_zone(account=account, time_zone="UTC", by="ann", at=NOON)
    account.refresh_from_db()
    assert (account.next_time_zone, account.next_time_zone_at) == ("", None)


def test_change_time_zone_after_an_unsettled_move_starts_from_the_zone_that_counts() -> None:
    account = make_account(time_zone="UTC")
    services.change_time_zone(account=account, time_zone="Asia/Tokyo", by="ann", at=NOON)
    later = datetime(2026, 11, 23, 1, tzinfo=UTC)
    services.change_time_zone(account=account, time_zone="UTC", by="ann", at=later)
    account.refresh_from_db()
    assert (account.time_zone, account.next_time_zone) == ("Asia/Tokyo", "UTC")
    assert account.next_time_zone_at == datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_change_time_zone_refuses_what_is_no_zone() -> None:
    account = make_account()
    with pytest.raises(ValidationError) as refusal:
        services.change_time_zone(account=account, time_zone="Berlin", by="ann", at=NOON)
    assert "Use an IANA name" in errors(refusal)["time_zone"][0]
    assert Account.objects.get(pk=account.pk).next_time_zone == ""


def test_settle_time_zones_settles_what_has_passed_and_nothing_else() -> None:
    passed, waiting = make_account(time_zone="Asia/Tokyo"), make_account(time_zone="America/New_York")
    for account in (passed, waiting, make_account()):
        services.change_time_zone(account=account, time_zone="Europe/Berlin", by="ann", at=NOON)
    at = datetime(2026, 11, 22, 16, tzinfo=UTC)  # past midnight in Tokyo
    assert services.settle_time_zones(at=at) == 1
    assert services.settle_time_zones(at=at) == 0
    passed.refresh_from_db()
    waiting.refresh_from_db()
    assert (passed.time_zone, passed.next_time_zone, passed.next_time_zone_at) == ("Europe/Berlin", "", None)
    assert (waiting.time_zone, waiting.next_time_zone) == ("America/New_York", "Europe/Berlin")


def test_warm_ups_begin_on_the_accounts_own_calendar() -> None:
    account = make_account(time_zone="Pacific/Kiritimati")
    ramp = services.start_warm_up(account=account, kind="dm", by="ann", at=NOON)
    assert ramp.started_on == date(2026, 11, 23)


def test_nobody_hears_of_what_is_rolled_back(recorder: Recorder) -> None:
    def fail(event: events.Event) -> None:
        raise RuntimeError("a subscriber failed")

    recorder.on_event = fail
    with pytest.raises(RuntimeError):
        services.create_account(**GOOD)
    assert not Account.objects.exists()


def test_the_same_handle_on_two_servers_is_two_accounts() -> None:
    one = services.create_account(**GOOD)
    two = services.create_account(**{**GOOD, "server": "http://localhost:9001"})
    assert (one.home, two.home) == ("localhost:9000", "localhost:9001")
    with pytest.raises(ValidationError, match='already an account "Alice" on localhost:9001'):
        services.create_account(**{**GOOD, "handle": "Alice", "server": "http://LOCALHOST:9001/"})


def test_an_account_does_not_move_onto_another_of_its_name() -> None:
    services.create_account(**GOOD)
    two = services.create_account(**{**GOOD, "server": "http://localhost:9001"})
    with pytest.raises(ValidationError, match="already an account"):
        services.update_account(account=two, server="http://localhost:9000", by="ann")
    services.update_account(account=two, server="http://localhost:9002", by="ann")
    assert Account.objects.get(pk=two.pk).home == "localhost:9002"


@pytest.mark.parametrize(
    ("network", "handle", "secret"),
    [("bluesky", "ann.example.org", {"app_password": "x"}), ("mastodon", "ann@example.org", {"token": "x"})],
)
def test_a_handle_that_says_where_it_belongs_is_unique_whatever_the_server(
    network: str, handle: str, secret: dict[str, str]
) -> None:
    given: dict[str, Any] = {"network": network, "handle": handle, "secret": secret, "by": "ann"}
    services.create_account(**given, server="https://example.org")
    with pytest.raises(ValidationError, match="already an account"):
        services.create_account(**given, server="https://social.example.org")


def test_the_network_may_say_that_two_were_one() -> None:
    """Both were typed in without their server; the network's spelling shows that they are the same."""
    one = make_account(network="mastodon", handle="ann@example.org", server="https://example.org")
    two = make_account(
        network="mastodon", handle="ann", home="www.example.org", server="https://www.example.org"
    )
    with pytest.raises(ValidationError, match="already an account"):
        services.mark_verified(two, remote_id=two.remote_id, handle="ann@example.org")
    two.refresh_from_db()
    assert (two.handle, two.home, one.handle) == ("ann", "www.example.org", "ann@example.org")
