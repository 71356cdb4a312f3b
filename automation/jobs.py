"""What django-q2 may call: primary keys in, no logic, safe to be lost, doubled or late."""

from __future__ import annotations

from accounts.services import settle_time_zones, settle_warm_ups
from automation import enrichment, recovery, services
from automation.asking import gateway
from automation.campaigns import groups, newcomers, progress
from automation.conversations import inbox
from automation.discovery import feeding
from automation.discovery import services as discovery
from automation.discovery.qualification import judging, trials
from automation.engine import drain as engine_drain
from automation.enums import CampaignStatus, EnrolmentState
from automation.health import services as health
from automation.models import Campaign
from automation.onboarding import progress as onboarding
from outreach.lib import events, queue, retention

PURGE_SECONDS = 200.0  # of the 300 a job may take
ENRICH_SECONDS = 20.0  # then others get a turn, and it goes on
SLICE = 20.0  # seconds after which a long one gives its worker back, and goes on later


def drain() -> int:
    """Run due lanes."""
    return engine_drain.drain()


def begin_enrolments(campaign_id: int) -> int:
    """Begin everybody queued in a campaign."""
    return progress.begin(campaign_id)


def enrol_group(group_enrolment_id: int) -> int:
    """Go on enrolling a segment or a list; returns at how many people it has looked by now."""
    made = groups.enrol_some(group_enrolment_id, seconds=SLICE)
    return made.looked_at if made else 0


def enrol_newcomers(campaign_id: int) -> int:
    """Enrol whoever came into the segment a campaign follows."""
    return newcomers.enrol_newcomers(campaign_id, seconds=SLICE)


def begin_forgotten_enrolments() -> int:
    """Begin people whose campaign runs but whose nudge was lost, and go on with groups and newcomers in the same plight."""
    groups.go_on_with_all()
    newcomers.go_on_with_all()
    waiting = Campaign.objects.filter(
        status=CampaignStatus.RUNNING, enrolments__state=EnrolmentState.QUEUED
    ).distinct()
    return _reported(
        "begin_enrolments", sum(progress.begin(pk) for pk in waiting.values_list("pk", flat=True))
    )


def poll_inboxes() -> int:
    """Go on reading inboxes whose chain of reads broke."""
    return _reported("poll_inboxes", inbox.poll_idle_inboxes())


def discover() -> int:
    """Ask for what should be read again, look for posts to reply to, and hand out what waits."""
    return _reported("discover", discovery.tick())


def feed_frontier(network: str) -> int:
    """Hand out what is due to be looked at on a network."""
    return feeding.feed(network)


def enrich() -> int:
    """Work out what can be said of profiles that appeared or changed; returns for how many it did."""
    enrichment.hand_out(seconds=ENRICH_SECONDS)
    done = enrichment.run(seconds=ENRICH_SECONDS)
    enrichment.nudge()
    return done


def enrich_online() -> int:
    """The same for what has to be fetched: websites, pictures, mail servers."""
    done = enrichment.run_online(seconds=ENRICH_SECONDS)
    enrichment.nudge()
    return done


def judge_open_leads() -> int:
    """Have the model judge what the rules left open."""
    return judging.run()


def replay_call(call_id: int, user_id: int) -> None:
    """Ask the model again what a call asked."""
    gateway.replay_for(call_id, user_id)


def try_prompt(version: str, size: str) -> int:
    """Have one version of the prompt judge the leads that people have labelled."""
    return trials.run(version=version, size=size)


def recover_lanes() -> int:
    """Wake lanes that have due work nobody woke them for, go on with lists of accounts, and have leads look after its
    imports, exports and segments."""
    woken = recovery.recover_lanes() + onboarding.push_all_on()
    queue.enqueue("leads.jobs.recover", dedupe="leads recover")
    return _reported("recover_lanes", woken)


def recover() -> int:
    """Put right what nobody is looking after any more."""
    return _reported("recover", sum(recovery.recover().values()))


def purge() -> int:
    """Delete what no app keeps any longer; what does not fit into one job's time goes with the next, at once."""
    report = retention.run(seconds=PURGE_SECONDS)
    if not report.finished:
        queue.enqueue("automation.jobs.purge", dedupe="purge goes on")
    return _reported("purge", report.total)


def settle_accounts() -> int:
    """Let changed time zones and finished warm-ups take effect; judge healths; knock again where nobody answered."""
    settled = settle_time_zones() + settle_warm_ups() + health.settle() + services.knock_again()
    return _reported("settle_accounts", settled)


def _reported(name: str, count: int) -> int:
    events.emit("schedule.ran", schedule=name, count=count)
    return count
