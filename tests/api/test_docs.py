"""The OpenAPI page: for staff, without the internet, and true."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

from outreach.api import api as the_api
from tests.api.conftest import make_user


@pytest.mark.parametrize("page", ["docs", "openapi.json"])
def test_page_is_for_staff(db: None, page: str) -> None:
    outsider = Client()
    outsider.force_login(make_user())
    assert [Client().get(f"/api/v1/{page}").status_code, outsider.get(f"/api/v1/{page}").status_code] == [
        302,
        302,
    ]


def test_page_works_offline(admin: User) -> None:
    client = Client()
    client.force_login(admin)
    html = client.get("/api/v1/docs").content.decode()
    assets = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(assets) >= 3
    assert [
        a for a in assets if not a.startswith("/static/") or finders.find(a.removeprefix("/static/")) is None
    ] == []


def test_schema_is_complete(admin: User) -> None:
    client = Client()
    client.force_login(admin)
    schema = client.get("/api/v1/openapi.json").json()
    operations = [operation for methods in schema["paths"].values() for operation in methods.values()]
    assert {"401", "403", "422"} <= set.intersection(
        *(set(operation["responses"]) for operation in operations)
    )
    assert [
        o["operationId"] for o in operations if not o["summary"] or "Scope `" not in o["description"]
    ] == []
    assert len({o["operationId"] for o in operations}) == len(operations)
    assert set(schema["components"]["securitySchemes"]) == {"ApiKeyAuth", "BrowserSession"}


def test_every_reference_in_the_schema_leads_somewhere() -> None:
    schema = the_api.get_openapi_schema(path_prefix="")
    referred = set(re.findall(r"#/components/schemas/(\w+)", repr(schema)))
    assert referred - set(schema["components"]["schemas"]) == set()
