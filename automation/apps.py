from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class AutomationConfig(AppConfig):
    name = "automation"
    verbose_name = "Acting"

    def ready(self) -> None:
        """Announce the installed networks, subscribe to what accounts and people tell, keep the schedules in
        step, say how long what is kept and what moves when two people become one."""
        from automation import enrichment, listeners, merging, proofs, schedule  # noqa: PLC0415 - models must be loaded first
        from automation.asking import retention as asking_retention  # noqa: PLC0415
        from automation.browsing import desk  # noqa: PLC0415
        from automation.browsing import retention as browsing_retention  # noqa: PLC0415
        from automation.channels import registry  # noqa: PLC0415
        from automation.discovery import listening as discovery_listening  # noqa: PLC0415
        from automation.discovery import retention as discovery_retention  # noqa: PLC0415
        from automation.engine import retention  # noqa: PLC0415

        registry.load()
        retention.register()
        asking_retention.register()
        browsing_retention.register()
        discovery_retention.register()
        desk.connect()
        proofs.register()
        merging.register()
        listeners.connect()
        discovery_listening.connect()
        enrichment.connect()
        # Once per migrate, after our tables are there.
        post_migrate.connect(enrichment.after_migrate, sender=self)
        # Once per migrate, after the queue's own tables are there.
        post_migrate.connect(schedule.synchronise, sender=apps.get_app_config("django_q"))
