from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from automation.browsing import retention, sessions
from automation.models import BrowserSession
from monitoring.models import Event
from outreach.lib import crypto
from tests.factories import make_account

pytestmark = pytest.mark.django_db


def state(name: str = "one", expires: float = -1) -> dict[str, Any]:
    return {
        "cookies": [{"name": "sid", "value": name, "domain": "x", "path": "/", "expires": expires}],
        "origins": [],
    }


def value(account_id: int) -> str:
    found = sessions.load(account_id).state
    return str(found["cookies"][0]["value"]) if found else ""


def test_state_is_encrypted_in_the_database() -> None:
    account = make_account()
    sessions.store(account=account, state=state("s3cret"), by="anna")
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM automation_browsersession")
        (stored,) = cursor.fetchone()
    assert "s3cret" not in stored
    assert value(account.pk) == "s3cret"
    event = Event.objects.get(name="browser_session.stored")
    assert event.by == "anna"
    assert "s3cret" not in str(event.data)


def test_state_is_saved_back_and_counts_its_acts() -> None:
    account = make_account()
    first = sessions.load(account.pk)
    assert first == sessions.Saved(None, 0)
    assert sessions.save(account.pk, state("one"), version=first.version)
    second = sessions.load(account.pk)
    assert sessions.save(account.pk, state("two"), version=second.version)
    assert value(account.pk) == "two"
    assert BrowserSession.objects.get().acts == 2


def test_act_that_began_before_a_new_sign_in_does_not_overwrite_it() -> None:
    account = make_account()
    sessions.store(account=account, state=state("old"), by="anna")
    before = sessions.load(account.pk)
    sessions.store(account=account, state=state("new"), by="anna")
    assert not sessions.save(account.pk, state("stale"), version=before.version)
    assert value(account.pk) == "new"


def test_first_save_does_not_overwrite_a_sign_in_meanwhile() -> None:
    account = make_account()
    before = sessions.load(account.pk)
    sessions.store(account=account, state=state("new"), by="anna")
    assert not sessions.save(account.pk, state("stale"), version=before.version)
    assert value(account.pk) == "new"


def test_expired_session_is_not_restored_and_can_be_renewed() -> None:
    account = make_account()
    sessions.store(account=account, state=state("old"), by="anna")
    BrowserSession.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    expired = sessions.load(account.pk)
    assert expired.state is None
    assert sessions.save(account.pk, state("new"), version=expired.version)
    assert value(account.pk) == "new"


def test_session_lasts_as_long_as_its_last_cookie_and_no_longer_than_set(settings: Any) -> None:
    now = timezone.now()
    days = timedelta(days=settings.BROWSER["session_days"])
    hour = (now + timedelta(hours=1)).timestamp()
    assert abs(sessions.expires_at(state(expires=hour), now) - now - timedelta(hours=1)) < timedelta(
        seconds=1
    )
    assert abs(sessions.expires_at(state(expires=1e12), now) - now - days) < timedelta(seconds=1)
    assert sessions.expires_at(state(), now) == now + days


def test_expired_cookies_are_not_restored() -> None:
    account = make_account()
    mixed = {"cookies": [*state("gone", expires=1.0)["cookies"], *state("kept")["cookies"]], "origins": []}
    sessions.store(account=account, state=mixed, by="anna")
    assert value(account.pk) == "kept"


def test_state_that_no_key_opens_is_neither_restored_nor_overwritten(settings: Any) -> None:
    account = make_account()
    sessions.store(account=account, state=state("old"), by="anna")
    keys, settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS, [crypto.new_key()]
    closed = sessions.load(account.pk)
    assert closed.state is None
    assert not sessions.save(account.pk, state("new"), version=closed.version)
    settings.ENCRYPTION_KEYS = keys
    assert value(account.pk) == "old"


def test_forgetting_signs_out_and_is_told() -> None:
    account, other = make_account(), make_account()
    for one in (account, other):
        sessions.store(account=one, state=state(), by="anna")
    assert sessions.forget(account_ids=[account.pk], by="anna") == 1
    assert sessions.load(account.pk).state is None
    assert value(other.pk) == "one"
    assert Event.objects.get(name="browser_session.forgotten").ids == [account.pk]


def test_retention_forgets_what_expired() -> None:
    account, other = make_account(), make_account()
    for one in (account, other):
        sessions.store(account=one, state=state(), by="anna")
    BrowserSession.objects.filter(account=account).update(expires_at=timezone.now() - timedelta(days=8))
    assert [row.pk for row in retention.expired(timezone.now() - retention.KEEP)] == [account.pk]
