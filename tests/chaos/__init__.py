"""What Outreach must survive, as commands: ``python -m tests.chaos.run --short`` or one check by itself.

Each makes an installation of its own (data folder, embedded database, free port), breaks it while it works, and lets
the sandbox network's ledger judge what really happened. Nothing of it is left behind.
"""

from django.conf import settings

from tests.chaos import place

if (
    not settings.configured
):  # a command, not pytest: settings are read once, so the place is chosen before anything else
    place.make()
