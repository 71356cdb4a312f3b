"""What django-q2 may call: primary keys in, no logic, safe to be lost, doubled or late."""

from __future__ import annotations

from datetime import timedelta

from accounts.services import settle_time_zones, settle_warm_ups
from automation.campaigns import progress
from automation.conversations import inbox
from automation.discovery import services as discovery
from automation.engine import drain as engine_drain
from automation.engine import retention
from automation.enums import CampaignStatus, EnrolmentState
from automation.models import Campaign
from leads import importing
from outreach.lib import clock, events

KEEP_FILES = timedelta(days=30)


def drain() -> int:
    """Run due lanes."""
    return engine_drain.drain()


def begin_enrolments(campaign_id: int) -> int:
    """Begin everybody queued in a campaign."""
    return progress.begin(campaign_id)


def begin_forgotten_enrolments() -> int:
    """Begin people whose campaign runs but whose nudge was lost."""
    waiting = Campaign.objects.filter(
        status=CampaignStatus.RUNNING, enrolments__state=EnrolmentState.QUEUED
    ).distinct()
    return _reported(
        "begin_enrolments", sum(progress.begin(pk) for pk in waiting.values_list("pk", flat=True))
    )


def poll_inboxes() -> int:
    """Go on reading inboxes whose chain of reads broke."""
    return _reported("poll_inboxes", inbox.poll_idle_inboxes())


def refresh_profiles() -> int:
    """Queue known profiles that should be read again."""
    return _reported("refresh_profiles", discovery.refresh_due())


def recover_lanes() -> int:
    """Wake lanes that have due work nobody woke them for."""
    return _reported("recover_lanes", retention.recover_lanes())


def purge() -> int:
    """Delete what retention no longer keeps."""
    return _reported("purge", retention.purge())


def settle_accounts() -> int:
    """Let changed time zones and finished warm-ups take effect."""
    return _reported("settle_accounts", settle_time_zones() + settle_warm_ups())


def forget_files() -> int:
    """Drop the files of imports of long ago; the reports on their rows stay."""
    return _reported("forget_files", importing.forget_files(clock.database_now() - KEEP_FILES))


def _reported(name: str, count: int) -> int:
    events.emit("schedule.ran", schedule=name, count=count)
    return count
