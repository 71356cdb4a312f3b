"""Posts to reply to: where they are wanted there should be some at hand."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from automation.enums import OpportunityState
from automation.models import DiscoveryPlan, Opportunity
from monitoring.checks.finding import Finding, warning

FEW = 50
PATIENCE = timedelta(days=1)  # a new pool has so long to fill
DROP = timedelta(hours=1)
MEND = (
    "Have more people read: add sources, or raise the network's plan in the admin (Discovery plans); "
    "or want fewer opportunities there."
)


def look(now: datetime) -> Iterator[Finding]:
    wanted = DiscoveryPlan.objects.filter(opportunities_wanted__gt=0)
    started = wanted.filter(Q(filled_at__isnull=False) | Q(created_at__lt=now - PATIENCE))
    for plan in started.order_by("network"):
        mine = Opportunity.objects.filter(network=plan.network)
        at_hand = mine.filter(state=OpportunityState.OPEN, expires_at__gt=now).count()
        if at_hand < min(FEW, plan.opportunities_wanted):
            few = f"Only {at_hand} posts to reply to are at hand on {plan.network}; {plan.opportunities_wanted} are wanted."
            yield warning("opportunities", few, MEND)
        elif (gone := _lost(mine, now)) > at_hand:
            fast = f"{gone} posts to reply to on {plan.network} became too old within an hour; {at_hand} are left."
            yield warning("opportunities", fast, MEND)


def _lost(mine: QuerySet[Opportunity], now: datetime) -> int:
    """How many of them nobody replied to in time lately."""
    lately = Q(state=OpportunityState.EXPIRED, closed_at__gt=now - DROP) | Q(
        state=OpportunityState.OPEN, expires_at__range=(now - DROP, now)
    )
    found: int = mine.aggregate(lost=Count("pk", filter=lately))["lost"]
    return found
