"""Pictures of posts over the API."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from automation.models import PostImage
from tests.api.conftest import Caller, Multipart, World
from tests.factories import make_picture

pytestmark = pytest.mark.django_db


def upload(content: bytes, name: str = "cup.png") -> Multipart:
    return Multipart(picture=SimpleUploadedFile(name, content, "image/png"), alt="A cup")


def test_picture_is_added_shown_described_and_removed(api: Caller, world: World) -> None:
    path = f"/posts/{world['draft_post']}/images"
    made = api.post(path, upload(make_picture(30, 20)))
    assert made.status_code == 201
    image = made.json()
    assert (image["alt"], image["mime"], image["width"], image["height"]) == ("A cup", "image/jpeg", 30, 20)

    shown = api.get(f"{path}/{image['id']}")
    assert shown["Content-Type"] == "image/jpeg"
    assert len(shown.content) == image["size"]

    assert api.send("PATCH", f"{path}/{image['id']}", {"alt": "A red cup"}).json()["alt"] == "A red cup"
    listed = api.get(f"/posts/{world['draft_post']}").json()["images"]
    assert [one["alt"] for one in listed] == ["", "A red cup"]
    left = api.send("DELETE", f"{path}/{image['id']}").json()["images"]
    assert [one["id"] for one in left] == [world["image"]]


def test_what_is_no_picture_is_refused(api: Caller, world: World) -> None:
    answer = api.post(f"/posts/{world['draft_post']}/images", upload(b"<svg/>", "cup.svg"))
    assert answer.status_code == 422
    assert "JPEG, PNG, WebP or GIF" in answer.json()["message"]


def test_pictures_of_an_approved_post_stay(api: Caller, world: World) -> None:
    PostImage.objects.filter(pk=world["image"]).update(post_id=world["approved_post"])
    path = f"/posts/{world['approved_post']}/images"
    assert api.post(path, upload(make_picture())).status_code == 422
    assert api.send("PATCH", f"{path}/{world['image']}", {"alt": "x"}).status_code == 409
    assert api.send("DELETE", f"{path}/{world['image']}").status_code == 409
    assert PostImage.objects.get(pk=world["image"]).alt == ""


def test_picture_is_found_under_its_own_post_only(api: Caller, world: World) -> None:
    path = f"/posts/{world['approved_post']}/images/{world['image']}"
    for method, body in (("GET", None), ("PATCH", {"alt": "x"}), ("DELETE", None)):
        assert api.send(method, path, body).status_code == 404


def test_warning_and_visibility_are_taken_and_shown(api: Caller, world: World) -> None:
    body = {"text": "Fresh beans", "content_warning": "Caffeine", "visibility": "unlisted"}
    made = api.post("/posts", body)
    assert made.status_code == 201
    assert {name: made.json()[name] for name in body} == body
    assert api.post("/posts", {**body, "visibility": "nobody"}).status_code == 422
