"""The tables are those that this version expects."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from monitoring.checks.finding import Finding, error


def look() -> Iterator[Finding]:
    applied = MigrationRecorder(connection).applied_migrations()
    missing = [f"{app}.{name}" for app, name in _written() if (app, name) not in applied]
    if missing:
        names = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
        yield error(
            "migrations", f"{len(missing)} migrations are not applied: {names}", "python manage.py migrate"
        )


def _written() -> Iterator[tuple[str, str]]:
    """App and name of every migration, by the files alone: loading them all would stay in each worker, 4.5 MB."""
    for app in apps.get_app_configs():
        name, _explicit = MigrationLoader.migrations_module(app.label)
        if name and find_spec(name):
            for module in pkgutil.iter_modules(import_module(name).__path__):
                if not module.ispkg and module.name[0] not in "_~":
                    yield app.label, module.name
