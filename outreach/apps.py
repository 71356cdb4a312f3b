"""Which admin site Django's admin uses, and where its pages are loaded."""

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig


class OutreachAdminConfig(SimpleAdminConfig):
    default_site = "outreach.admin.OutreachAdminSite"

    def ready(self) -> None:
        """Load the admin's pages, save in the background, where they are loaded with the first address that is built."""
        super().ready()
        if settings.PROCESS_ROLE != "background":
            admin.autodiscover()
