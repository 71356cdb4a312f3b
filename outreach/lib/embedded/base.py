from django.conf import settings
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL's wrapper, which makes sure the embedded server runs before it connects."""

    def connect(self) -> None:
        settings.EMBEDDED_POSTGRES.ensure_running()
        super().connect()
