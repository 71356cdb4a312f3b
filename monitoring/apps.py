from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Seeing"

    def ready(self) -> None:
        """Subscribe to what the apps below announce."""
        from monitoring import listeners, retention  # noqa: PLC0415 - models must be loaded first
        from monitoring.alerts import sources  # noqa: PLC0415

        listeners.connect()
        sources.connect()
        retention.register()
