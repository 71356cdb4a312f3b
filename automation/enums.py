"""States of what we do."""

from django.db import models


class TaskState(models.TextChoices):
    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    UNKNOWN = "unknown", "Unknown"  # it may have happened: reconciled, or parked for a person


FINISHED_STATES = (TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELLED)


class Priority(models.IntegerChoices):
    CRITICAL = 0, "Critical"  # replies, posts due now
    HIGH = 1, "High"
    NORMAL = 2, "Normal"
    LOW = 3, "Low"


URGENT = (Priority.CRITICAL, Priority.HIGH)  # may use what a limit keeps in reserve


class AttemptState(models.TextChoices):
    CLAIMED = "claimed", "Claimed"  # units reserved, nothing sent yet
    STARTED = "started", "Started"  # from here on the act may have happened
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    LATER = "later", "Try later"
    UNKNOWN = "unknown", "Unknown"
    ABANDONED = "abandoned", "Abandoned"  # given up before it started


class Reason(models.TextChoices):
    """Why a task waits, or why it ended as it did."""

    READY = "", "Ready to run"
    SCHEDULED = "scheduled", "Waits for its time"
    LIMIT = "limit", "A limit is reached"
    RESERVE = "reserve", "The rest of the limit is kept for urgent acts"
    CAMPAIGN_LIMIT = "campaign_limit", "The campaign's daily limit is reached"
    SENDING_GAP = "sending_gap", "Keeps the gap between two acts"
    OUTSIDE_WINDOW = "outside_window", "Outside the account's sending window"
    ACCOUNT_NOT_WORKING = "account_not_working", "The account is not active"
    CAMPAIGN_NOT_RUNNING = "campaign_not_running", "The campaign is not running"
    BREAKER_OPEN = "breaker_open", "The network keeps failing; it is tried again soon"
    RATE_LIMITED = "rate_limited", "The network asked to wait"
    DELIVERABILITY = "deliverability", "Too much of its mail came back or was marked as spam"
    BROWSER = "browser", "Waits for a browser"
    RATE = "rate", "As many acts a minute as the account's rate allows"
    RETRY = "retry", "Failed for now; tried again"
    RECONCILE = "reconcile", "Unclear outcome: asks the network first"
    PARKED = "parked", "Unclear outcome without proof: a person decides"
    REVIEW = "review", "Waits for approval"
    SUPPRESSED = "suppressed", "The person said no"
    REPLIED = "replied", "The person replied"
    REFUSED = "refused", "The network refused it"
    CREDENTIALS = "credentials", "The network refused our credentials"
    NOT_FOUND = "not_found", "It no longer exists on the network"
    UNSUPPORTED = "unsupported", "This network cannot do that"
    EXHAUSTED = "exhausted", "Tried as often as allowed"
    CAMPAIGN_ENDED = "campaign_ended", "Its campaign ended"
    BY_HAND = "by_hand", "Decided by a person"
    POISON = "poison", "Its worker died every time; a person decides"


class CampaignStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    RUNNING = "running", "Running"
    PAUSED = "paused", "Paused"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"


ENDED_CAMPAIGNS = (CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)


class StepKind(models.TextChoices):
    """What a step does; all but ``wait`` are action kinds."""

    FOLLOW = "follow", "Follow"
    LIKE = "like", "Like their latest post"
    WAIT = "wait", "Wait"
    DM = "dm", "Direct message"
    REPLY = "reply", "Reply to their latest post"
    EMAIL = "email", "E-mail"
    UNFOLLOW = "unfollow", "Unfollow"


class EnrolmentState(models.TextChoices):
    QUEUED = "queued", "Queued"
    ACTIVE = "active", "Active"
    DONE = "done", "Done"
    REPLIED = "replied", "Replied"
    BOUNCED = "bounced", "Bounced"
    OPTED_OUT = "opted_out", "Opted out"
    FAILED = "failed", "Failed"


OPEN_ENROLMENTS = (EnrolmentState.QUEUED, EnrolmentState.ACTIVE)


class GroupEnrolmentState(models.TextChoices):
    """How far a segment or a list has come into a campaign."""

    RUNNING = "running", "Under way"
    COMPLETED = "completed", "Completed"
    CANCELLED = "cancelled", "Cancelled"


class PostStatus(models.TextChoices):
    DRAFT = "draft", "Draft"
    PENDING_REVIEW = "pending_review", "Pending review"
    APPROVED = "approved", "Approved"


class Visibility(models.TextChoices):
    """Who sees a post, on networks where that can be chosen."""

    PUBLIC = "public", "Everybody"
    UNLISTED = "unlisted", "Everybody, but not in public lists"
    PRIVATE = "private", "Followers only"


class PublicationState(models.TextChoices):
    DRAFT = "draft", "Draft"
    PENDING_REVIEW = "pending_review", "Pending review"
    APPROVED = "approved", "Approved"
    SCHEDULED = "scheduled", "Scheduled"
    PUBLISHING = "publishing", "Publishing"
    PUBLISHED = "published", "Published"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"


class Direction(models.TextChoices):
    IN = "in", "Received"
    OUT = "out", "Sent"


class MessageKind(models.TextChoices):
    DM = "dm", "Direct message"
    COMMENT = "comment", "Comment"
    EMAIL = "email", "E-mail"


class NoticeKind(models.TextChoices):
    """What a mail system reports of a mail of ours."""

    HARD = "hard", "Bounced: the address is bad"
    SOFT = "soft", "Bounced for now"
    BLOCKED = "blocked", "Blocked by policy"
    EXPIRED = "expired", "Given up after days"
    DELAYED = "delayed", "Delayed"
    COMPLAINT = "complaint", "Marked as spam"


BOUNCES = (NoticeKind.HARD, NoticeKind.SOFT, NoticeKind.BLOCKED, NoticeKind.EXPIRED)


class Interest(models.TextChoices):
    INTERESTED = "interested", "Interested"
    NOT_INTERESTED = "not_interested", "Not interested"
    NEUTRAL = "neutral", "Neutral"
    MEETING_BOOKED = "meeting_booked", "Meeting booked"
    OUT_OF_OFFICE = "out_of_office", "Out of office"
    WRONG_PERSON = "wrong_person", "Wrong person"


class SourceKind(models.TextChoices):
    SEARCH = "search", "Search or hashtag"
    RELATED = "related", "Followers of a profile"
    COMMENTERS = "commenters", "Commenters on a profile's posts"
    MANUAL = "manual", "Handles by hand"


class LookKind(models.TextChoices):
    """What is looked at on a network to find people."""

    SEARCH = "search", "Search or hashtag"
    RELATED = "related", "Followers"
    COMMENTERS = "commenters", "Commenters"
    PROFILE = "profile", "Profile"


class LookOrigin(models.TextChoices):
    """Why something is to be looked at."""

    HAND = "hand", "Asked for by hand"
    SOURCE = "source", "A source"
    FOUND = "found", "Newly found"
    EXPAND = "expand", "Near somebody who fits"
    REFRESH = "refresh", "Read long ago"
    HARVEST = "harvest", "May have just posted"


class LookState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    QUEUED = "queued", "Being read"  # its task stands on an account's lane
    DONE = "done", "Read"
    FAILED = "failed", "Failed"
    DROPPED = "dropped", "Dropped"  # not worth a fetch, or called off


OPEN_LOOKS = (LookState.WAITING, LookState.QUEUED)


class OpportunityState(models.TextChoices):
    """What became of a post that could be replied to."""

    OPEN = "open", "Open"
    TAKEN = "taken", "Reply on its way"
    REPLIED = "replied", "Replied"
    FAILED = "failed", "Reply failed"
    DISMISSED = "dismissed", "Dismissed"
    EXPIRED = "expired", "Too old"


class Verdict(models.TextChoices):
    QUALIFIED = "qualified", "Qualified"
    DISQUALIFIED = "disqualified", "Disqualified"
    OPEN = "open", "Left open by the rules"


class Judge(models.TextChoices):
    """Who judged a lead."""

    RULES = "rules", "Rules"
    MODEL = "model", "Model"
    PERSON = "person", "A person"


class ModelSize(models.TextChoices):
    GOOD = "good", "Good model"
    SMALL = "small", "Small model"


class CallState(models.TextChoices):
    """What became of a call of the language model."""

    UNDER_WAY = "under_way", "Under way"  # its cost is reserved
    ANSWERED = "answered", "Answered"
    FAILED = "failed", "Failed"
    LOST = "lost", "Answer lost"  # it may have been charged, so the reservation counts as spent


class FailureKind(models.TextChoices):
    """Why a call of the language model gave no answer that can be used."""

    KEY = "key", "The key was not accepted"
    BUDGET = "budget", "The budget is used up"
    RATE = "rate", "Too many calls at once"
    NETWORK = "network", "The endpoint was not reached, or its answer was lost"
    SERVER = "server", "The endpoint failed"
    REFUSAL = "refusal", "The model refused to answer"
    NONSENSE = "nonsense", "The answer was not what was asked for"
    CUT_OFF = "cut_off", "The answer was cut off at its length limit"
    REQUEST = "request", "The endpoint does not take such a request"
    NO_MODEL = "no_model", "No model is set up"


TRANSIENT_FAILURES = (FailureKind.RATE, FailureKind.NETWORK, FailureKind.SERVER)


class BudgetWindow(models.TextChoices):
    DAY = "day", "A day"
    MONTH = "month", "A month"


class OnboardingState(models.TextChoices):
    RUNNING = "running", "Running"
    STOPPED = "stopped", "Stopped"  # by a person; it can go on
    COMPLETED = "completed", "Completed"


class RowState(models.TextChoices):
    """What became of one account of an onboarding."""

    QUEUED = "queued", "Queued"
    VERIFYING = "verifying", "Being verified"
    WAITING = "waiting", "Waits for its network"  # not reached yet; it is asked again
    CONNECTED = "connected", "Connected"
    KNOWN = "known", "Connected before"
    FAILED = "failed", "Failed"


OPEN_ROWS = (RowState.QUEUED, RowState.VERIFYING, RowState.WAITING)


class HandleState(models.TextChoices):
    """Whether a handle is to be had."""

    QUEUED = "queued", "To be looked at"
    FREE = "free", "Free"
    TAKEN = "taken", "Taken"
    UNCLEAR = "unclear", "Unclear"


class BrowserUrgency(models.IntegerChoices):
    """Who gets a browser slot first; the numbers are those of :class:`automation.browser.work.Urgency`."""

    CRITICAL = 0, "Critical"
    HIGH = 1, "High"
    LOW = 2, "Low"
