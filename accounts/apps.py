from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts and limits"

    def ready(self) -> None:
        """Keep the roles of staff up to date with every migrate."""
        from accounts import roles  # noqa: PLC0415 - models must be loaded first

        post_migrate.connect(roles.sync, dispatch_uid="accounts.roles.sync")
