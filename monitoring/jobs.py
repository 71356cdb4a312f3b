"""What django-q2 may call for monitoring."""

from monitoring import retention


def purge() -> int:
    """Delete old heartbeats, errors and audit rows."""
    return retention.purge()
