"""Every address of the installation."""

from django.contrib import admin
from django.http import Http404
from django.urls import path, re_path
from django.views.defaults import page_not_found

from automation.views import mail_report
from leads.views import unsubscribe
from monitoring import health
from outreach.api import api

admin.autodiscover()  # a process of the background has not done so

urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("goodbye/<str:token>", unsubscribe, name="unsubscribe"),
    path("hooks/mail/<slug:provider>", mail_report, name="mail_report"),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    # Also keeps APPEND_SLASH away from the API: an address is right or it is 404, never a redirect that drops a body.
    re_path(r"^api(?:/.*)?$", page_not_found, {"exception": Http404("There is no such address in the API.")}),
]
