from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts and limits"

    def ready(self) -> None:
        """Keep the roles of staff up to date with every migrate; say how long what is kept."""
        from accounts import retention, roles  # noqa: PLC0415 - models must be loaded first

        retention.register()
        post_migrate.connect(roles.sync, dispatch_uid="accounts.roles.sync")
