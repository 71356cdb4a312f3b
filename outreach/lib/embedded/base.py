"""The engine itself; Django looks for this module's ``DatabaseWrapper``."""

from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base

from outreach.lib.postgres import EmbeddedPostgresError


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL's wrapper, which makes sure the embedded server runs before each new connection."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """As PostgreSQL's; a server that cannot start is an ``OperationalError`` like any unreachable one."""
        try:
            settings.EMBEDDED_POSTGRES.ensure_running()
        except EmbeddedPostgresError as error:
            raise psycopg.OperationalError(str(error)) from error
        return super().get_new_connection(conn_params)
