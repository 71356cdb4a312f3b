#!/usr/bin/env python
"""Every command of Outreach starts here: `manage.py help` lists them."""

import os
import sys


def main() -> None:
    """Run one management command, starting the embedded PostgreSQL first where no DATABASE_URL is set."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "outreach.settings")
    if sys.argv[1:2] == ["web"]:
        os.environ.setdefault("OUTREACH_ROLE", "web")  # its threads share a pool of connections
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - it reads the role set above

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
