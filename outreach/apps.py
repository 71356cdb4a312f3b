"""Which admin site Django's admin uses."""

from django.contrib.admin.apps import AdminConfig


class OutreachAdminConfig(AdminConfig):
    default_site = "outreach.admin.OutreachAdminSite"
