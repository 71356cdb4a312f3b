"""Colours of states, the same on every page."""

from __future__ import annotations

from automation.enums import (
    AttemptState,
    CallState,
    CampaignStatus,
    EnrolmentState,
    Interest,
    PostStatus,
    PublicationState,
    TaskState,
    Verdict,
)

TASK = {
    TaskState.RUNNING: "blue", TaskState.COMPLETED: "green", TaskState.FAILED: "red", TaskState.UNKNOWN: "amber",
}  # fmt: skip
ATTEMPT = {
    AttemptState.CLAIMED: "blue", AttemptState.STARTED: "blue", AttemptState.DONE: "green", AttemptState.REFUSED: "red",
    AttemptState.LATER: "amber", AttemptState.UNKNOWN: "amber",
}  # fmt: skip
CAMPAIGN = {
    CampaignStatus.RUNNING: "green", CampaignStatus.PAUSED: "amber", CampaignStatus.COMPLETED: "blue",
    CampaignStatus.CANCELLED: "red",
}  # fmt: skip
ENROLMENT = {
    EnrolmentState.ACTIVE: "blue", EnrolmentState.DONE: "blue", EnrolmentState.REPLIED: "green",
    EnrolmentState.BOUNCED: "amber", EnrolmentState.OPTED_OUT: "red", EnrolmentState.FAILED: "red",
}  # fmt: skip
POST = {PostStatus.PENDING_REVIEW: "amber", PostStatus.APPROVED: "green"}
PUBLICATION = {
    PublicationState.PENDING_REVIEW: "amber", PublicationState.APPROVED: "blue", PublicationState.SCHEDULED: "blue",
    PublicationState.PUBLISHING: "blue", PublicationState.PUBLISHED: "green", PublicationState.FAILED: "red",
    PublicationState.UNKNOWN: "amber",
}  # fmt: skip
INTEREST = {
    Interest.INTERESTED: "green", Interest.MEETING_BOOKED: "green", Interest.NOT_INTERESTED: "red",
    Interest.OUT_OF_OFFICE: "amber", Interest.WRONG_PERSON: "amber",
}  # fmt: skip
VERDICT = {Verdict.QUALIFIED: "green", Verdict.DISQUALIFIED: "red"}
CALL = {
    CallState.UNDER_WAY: "blue", CallState.ANSWERED: "green", CallState.FAILED: "red", CallState.LOST: "amber",
}  # fmt: skip
