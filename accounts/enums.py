"""What an account is for, how it fares, and what it can do."""

from django.db import models


class Role(models.TextChoices):
    PUBLISH = "publish", "Publish"
    OUTREACH = "outreach", "Outreach"
    CHAT = "chat", "Chat"
    DISCOVER = "discover", "Discover"


class AccountStatus(models.TextChoices):
    PENDING = "pending", "Pending"  # waits to be verified against its network
    WARMING_UP = "warming_up", "Warming up"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"  # by a person
    LIMITED = "limited", "Limited"  # by the network, or by its health: it rests
    ERROR = "error", "Error"  # credentials refused
    DISABLED = "disabled", "Disabled"


class Health(models.TextChoices):
    """How an account's last tasks went, from good to bad."""

    HEALTHY = "healthy", "Healthy"
    WATCH = "watch", "Watch"  # more trouble than usual
    THROTTLED = "throttled", "Throttled"  # it goes slowly
    QUARANTINED = "quarantined", "Quarantined"  # it rests, and is tried again by itself


WORKING_STATUSES = (AccountStatus.ACTIVE, AccountStatus.WARMING_UP)


class ActionKind(models.TextChoices):
    """One kind of act. Limits, warm-up and lanes count by it."""

    FOLLOW = "follow", "Follow"
    UNFOLLOW = "unfollow", "Unfollow"
    LIKE = "like", "Like"
    POST = "post", "Post"
    REPLY = "reply", "Reply"
    DM = "dm", "Direct message"
    EMAIL = "email", "E-mail"
    VERIFY = "verify", "Verify account"
    FETCH_PROFILE = "fetch_profile", "Fetch profile"
    FETCH_RELATED = "fetch_related", "Fetch related profiles"
    FETCH_COMMENTERS = "fetch_commenters", "Fetch commenters"
    FETCH_SEARCH = "fetch_search", "Search"
    FETCH_METRICS = "fetch_metrics", "Fetch metrics"
    FETCH_INBOX = "fetch_inbox", "Fetch inbox"
    SET_LABELS = "set_labels", "Set labels"  # in our own mailbox: nobody else notices


# Acts that other people notice; everything else only reads.
ACTS = (
    ActionKind.FOLLOW,
    ActionKind.UNFOLLOW,
    ActionKind.LIKE,
    ActionKind.POST,
    ActionKind.REPLY,
    ActionKind.DM,
    ActionKind.EMAIL,
)
# Acts a person who said no must never receive.
ACTS_UPON_PEOPLE = (ActionKind.FOLLOW, ActionKind.LIKE, ActionKind.REPLY, ActionKind.DM, ActionKind.EMAIL)


class WindowUnit(models.TextChoices):
    DAY = "day", "Day"  # the account's local day: 23, 24 or 25 hours
    HOUR = "hour", "Hour"


# Acts kept apart by the sending gap and inside the sending window; posts have their own schedule.
PACED_ACTS = (
    ActionKind.FOLLOW,
    ActionKind.UNFOLLOW,
    ActionKind.LIKE,
    ActionKind.REPLY,
    ActionKind.DM,
    ActionKind.EMAIL,
)
