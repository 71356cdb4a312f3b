"""Where a person stands with us."""

from django.db import models


class Lifecycle(models.TextChoices):
    LEAD = "lead", "Lead"
    CONTACT = "contact", "Contact"
    ARCHIVED = "archived", "Archived"


class Stage(models.TextChoices):
    """How far a lead has come; set by qualification, campaigns and people."""

    NEW = "new", "New"
    QUALIFIED = "qualified", "Qualified"
    DISQUALIFIED = "disqualified", "Disqualified"
    CONTACTED = "contacted", "Contacted"
    REPLIED = "replied", "Replied"
    WON = "won", "Won"
    LOST = "lost", "Lost"


class SuppressionReason(models.TextChoices):
    OPT_OUT = "opt_out", "Opted out"
    COMPLAINT = "complaint", "Complaint"
    HARD_BOUNCE = "hard_bounce", "Hard bounce"
    MANUAL = "manual", "By hand"
    ERASED = "erased", "Erased on request"


class ImportStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


OPEN_STATUSES = (ImportStatus.PENDING, ImportStatus.RUNNING)


class ImportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"
    VCARD = "vcard", "vCard"


class ExportFormat(models.TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "XLSX"
    JSON = "json", "JSON"


class SegmentStatus(models.TextChoices):
    BUILDING = "building", "Being built"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"


class MatchKind(models.TextChoices):
    """What two people may share."""

    ADDRESS = "address", "Same address"
    HANDLE = "handle", "Same handle"
    SITE = "site", "Same website"
    NAME = "name", "Same name"


class DuplicateStatus(models.TextChoices):
    OPEN = "open", "To be judged"
    DISMISSED = "dismissed", "Not the same"
    MERGED = "merged", "Merged"


class MailVerdict(models.TextChoices):
    """What checking an e-mail address came to."""

    GOOD = "good", "Takes mail"
    RISKY = "risky", "Takes mail, but not one person's"
    BAD = "bad", "Takes no mail"


class RowOutcome(models.TextChoices):
    """What became of one row of an imported file."""

    CREATED = "created", "Created"
    UPDATED = "updated", "Updated"
    SKIPPED = "skipped", "Skipped"
    FAILED = "failed", "Failed"
