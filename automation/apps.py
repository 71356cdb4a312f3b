from django.apps import AppConfig


class AutomationConfig(AppConfig):
    name = "automation"
    verbose_name = "Acting"

    def ready(self) -> None:
        """Announce the installed networks and subscribe to what accounts and people tell."""
        from automation import listeners  # noqa: PLC0415 - models must be loaded first
        from automation.channels import registry  # noqa: PLC0415

        registry.load()
        listeners.connect()
