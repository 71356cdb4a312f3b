from django.apps import AppConfig


class LeadsConfig(AppConfig):
    name = "leads"
    verbose_name = "People"

    def ready(self) -> None:
        """Say how long what is kept, and have the queue's takers ask whether segments have somebody to follow."""
        from leads import retention, segments  # noqa: PLC0415 - models must be loaded first
        from outreach.lib.queue import broker  # noqa: PLC0415

        retention.register()
        broker.at_each_turn(segments.nudge)
