"""Settings of a project that uses django-q2 as it comes, on its ORM broker, with two workers."""

import os

SECRET_KEY = "benchmark"
INSTALLED_APPS = ["django_q"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["RIVAL_HOST"],
        "USER": "outreach",
        "NAME": os.environ["RIVAL_DATABASE"],
    }
}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
Q_CLUSTER = {"name": "rival", "orm": "default", "workers": 2}
