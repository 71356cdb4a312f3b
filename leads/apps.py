from django.apps import AppConfig


class LeadsConfig(AppConfig):
    name = "leads"
    verbose_name = "People"

    def ready(self) -> None:
        """Say how long what is kept."""
        from leads import retention  # noqa: PLC0415 - models must be loaded first

        retention.register()
