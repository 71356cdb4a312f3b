"""Publishing a picture: a container is made, Instagram fetches the picture, the container is published.

Until then nobody sees anything, so that everything before can be tried again. A container tells afterwards whether it was
published, which proves an unclear post either way as long as this process knows which container it was.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from automation.channels.base import Act, ChannelError, Done, Finding, Proof, Refused, TryLater, Unknown
from automation.channels.instagram import own
from automation.channels.instagram.client import ACT_SECONDS, Client, id_of

LONGEST_CAPTION = 2_200
LOOKS = 4  # at the container within one call
PAUSE_SECONDS = 0.7
ASK_AGAIN_SECONDS = 20.0
KEPT = 1_000  # containers a process remembers, by send id

_containers: OrderedDict[UUID, str] = OrderedDict()


def publish(client: Client, act: Act) -> Done:
    """The post, once Instagram has fetched its picture; later if it has not yet."""
    container = _containers.get(act.send_id) or _make(client, act)
    _wait(client, act, container)
    began = datetime.now(UTC)
    try:
        answer = client.post("/me/media_publish", creation_id=container)
    except Unknown:
        found = _by_container(client, replace(act, started_at=began), container)
        if found.proof is Proof.PRESENT:
            return found.done
        raise
    if not id_of(answer):
        raise Unknown("Instagram's answer does not name the new post.")
    return Done(id_of(answer), _address(client, id_of(answer)))


def _make(client: Client, act: Act) -> str:
    if act.images or not act.link.startswith(("https://", "http://")):
        raise Refused(
            "Instagram fetches pictures itself: give the post the public address of a JPEG as its link."
        )
    if len(act.text) > LONGEST_CAPTION:
        raise Refused(f"Instagram takes {LONGEST_CAPTION} characters; this text has {len(act.text)}.")
    container = id_of(client.post("/me/media", act=False, image_url=act.link, caption=act.text))
    if not container:
        raise TryLater("Instagram's answer does not name the container.")
    _containers[act.send_id] = container
    while len(_containers) > KEPT:
        _containers.popitem(last=False)
    return container


def _wait(client: Client, act: Act, container: str) -> None:
    for _ in range(LOOKS):
        node = client.get(f"/{container}", fields="status_code,status")
        match node.get("status_code"):
            case "FINISHED":
                return
            case "PUBLISHED":
                raise Unknown("The container was published by an earlier attempt.")
            case "ERROR" | "EXPIRED":
                _containers.pop(act.send_id, None)
                said = str(node.get("status") or "")[:200]
                raise Refused(f"Instagram could not take the picture. {said}".strip())
        if client.line.left < ACT_SECONDS + PAUSE_SECONDS:
            break
        time.sleep(PAUSE_SECONDS)
    raise TryLater(
        "Instagram is still fetching the picture; nothing is published yet.", retry_after=ASK_AGAIN_SECONDS
    )


def find(client: Client, act: Act) -> Finding:
    """Whether the post is there: by its container where it is known, else by reading our posts back."""
    container = _containers.get(act.send_id)
    return _by_container(client, act, container) if container else own.posted(client, act)


def _by_container(client: Client, act: Act, container: str) -> Finding:
    try:
        state = client.get(f"/{container}", fields="status_code").get("status_code")
    except ChannelError:
        return Finding(Proof.NONE)
    if state == "PUBLISHED":
        found = own.posted(client, act)
        return found if found.proof is Proof.PRESENT else Finding(Proof.PRESENT)
    return Finding(Proof.ABSENT if state in ("FINISHED", "ERROR", "EXPIRED") else Proof.NONE)


def _address(client: Client, media_id: str) -> str:
    """Where people see the post; it is published, whether this can be told or not."""
    with contextlib.suppress(ChannelError):
        return str(client.get(f"/{media_id}", fields="permalink").get("permalink") or "")
    return ""
