"""What the account's page says about its domain: asked once, kept, told with what to do."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError

from automation.channels.email import nameservers
from automation.channels.email.domain import Grade
from automation.conversations import domains
from tests.factories import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def records(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], list[str]]:
    """What the name servers know; each question is answered from here."""
    cache.clear()
    known: dict[tuple[str, str], list[str]] = {}
    monkeypatch.setattr(nameservers, "resolver_of", lambda: lambda name, kind: known.get((name, kind), []))
    return known


def test_a_check_is_kept_and_shown(records: dict[Any, Any]) -> None:
    account = make_account(network="email", handle="ann@Ours.test", secret={"dkim_selector": "s9"})
    records["ours.test", "TXT"] = ["v=spf1 -all"]
    records["s9._domainkey.ours.test", "TXT"] = ["v=DKIM1; p=abc"]
    assert domains.latest(account) is None
    checked = domains.check(account=account, by="test")
    assert [record.grade for record in checked.records] == [
        Grade.GOOD,
        Grade.GOOD,
        Grade.MISSING,
        Grade.MISSING,
    ]
    assert domains.latest(account) == checked
    assert not checked.in_order


def test_only_mailboxes_have_a_domain() -> None:
    with pytest.raises(ValidationError, match="sends no mail"):
        domains.check(account=make_account(), by="test")
