#!/usr/bin/env python
"""Every command of Outreach starts here: `manage.py help` lists them."""

import os
import sys

# What a process loads and how it holds its connections. In the background nobody asks for a page.
ROLES = {"web": "web", "cluster": "background", "dispatcher": "background", "mailboxes": "background"}


def main() -> None:
    """Run one management command, starting the embedded PostgreSQL first where no DATABASE_URL is set."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "outreach.settings")
    os.environ["OUTREACH_ROLE"] = ROLES.get("".join(sys.argv[1:2]), "worker")
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - it reads the role set above

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
