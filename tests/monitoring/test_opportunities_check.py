"""What operators hear when there is little to reply to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from automation.enums import OpportunityState
from automation.models import DiscoveryPlan, Opportunity
from monitoring import alerts
from monitoring.alerts import sources
from monitoring.checks import opportunities
from outreach.lib.clock import database_now
from tests.factories import make_opportunity

pytestmark = pytest.mark.django_db


def said() -> list[str]:
    return [finding.message for finding in opportunities.look(database_now())]


def wanting(number: int) -> None:
    DiscoveryPlan.objects.create(network="sandbox", opportunities_wanted=number, filled_at=Now())


def test_nothing_is_said_where_none_are_wanted_or_the_pool_is_new() -> None:
    DiscoveryPlan.objects.create(network="sandbox")
    DiscoveryPlan.objects.create(network="mastodon", opportunities_wanted=250)
    assert said() == []
    DiscoveryPlan.objects.update(created_at=Now() - timedelta(days=2))
    assert said() == ["Only 0 posts to reply to are at hand on mastodon; 250 are wanted."]


def test_under_fifty_is_said_and_fifty_is_enough() -> None:
    wanting(250)
    for _ in range(49):
        make_opportunity()
    make_opportunity(expires_at=timezone.now() - timedelta(hours=2))
    assert said() == ["Only 49 posts to reply to are at hand on sandbox; 250 are wanted."]
    make_opportunity()
    assert said() == []


def test_a_fast_drop_is_said() -> None:
    wanting(250)
    for _ in range(121):
        make_opportunity()
    late = Opportunity.objects.order_by("pk").values("pk")[:61]
    Opportunity.objects.filter(pk__in=late).update(
        state=OpportunityState.EXPIRED, closed_at=Now() - timedelta(minutes=5)
    )
    [message] = said()
    assert message.startswith("61 posts to reply to on sandbox became too old within an hour; 60 are left.")


def test_it_is_one_alert_that_is_resolved_when_the_pool_is_full_again() -> None:
    wanting(10)
    sources.follow_checks()
    assert alerts.open_alerts().filter(key="check:opportunities").count() == 1
    for _ in range(10):
        make_opportunity()
    sources.follow_checks()
    assert not alerts.open_alerts().filter(key="check:opportunities").exists()
