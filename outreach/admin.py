"""The installation's admin site."""

from unfold.sites import UnfoldAdminSite


class OutreachAdminSite(UnfoldAdminSite):
    """The one admin site; every app registers on it with ``django.contrib.admin.site``."""
