"""What is written into our own repository: posts, replies, follows and likes, under keys known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from atproto_client import models
from atproto_client.utils.facet_detection import detect_facets, detect_mentions

from automation.channels.base import Act, Done, Image, NotFound, Refused, Unknown
from automation.channels.bluesky import wording
from automation.channels.bluesky.client import Client, Json
from automation.channels.bluesky.convert import entry, page_of, word

FOLLOW, LIKE = "app.bsky.graph.follow", "app.bsky.feed.like"
CREATE, DELETE, GET = (
    "com.atproto.repo.createRecord",
    "com.atproto.repo.deleteRecord",
    "com.atproto.repo.getRecord",
)
LARGEST_IMAGE = 1_000_000  # bytes: app.bsky.embed.images, maxSize


def uri_of(did: str, collection: str, key: str) -> str:
    """A record's address, by which everybody names it."""
    return f"at://{did}/{collection}/{key}"


def parts_of(uri: str) -> tuple[str, str, str]:
    """Identity, collection and key of a record's address; :class:`NotFound` when it is none."""
    parts = uri.removeprefix("at://").split("/")
    if not uri.startswith("at://") or len(parts) != 3 or not all(parts):
        raise NotFound(f'"{uri}" is no address of a record.')
    return parts[0], parts[1], parts[2]


def find(client: Client, uri: str) -> Json:
    """A record as its own server holds it, with ``uri``, ``cid`` and ``value``; :class:`NotFound`.

    For our own records this is the authoritative store, not an index that lags behind.
    """
    repo, collection, key = parts_of(uri)
    found: Json = client.read(GET, repo=repo, collection=collection, rkey=key)
    return found


def exists(client: Client, uri: str) -> bool:
    """Whether the record is there."""
    try:
        return bool(find(client, uri))
    except NotFound:
        return False


def create(client: Client, collection: str, key: str, record: Any) -> Done:
    """Write a record that must not exist yet: a second one under its key would be refused, not written over."""
    data = models.ComAtprotoRepoCreateRecord.Data(
        repo=client.did, collection=collection, rkey=key, record=record
    )
    answer = client.act(CREATE, data)
    uri = uri_of(client.did, collection, key)
    if word(answer, "uri") != uri:
        raise Unknown("The server's answer does not name the new record.")
    return done(client, uri)


def delete(client: Client, uri: str) -> None:
    """Remove a record of ours; one that is gone already is no error."""
    _, collection, key = parts_of(uri)
    client.act(
        DELETE, models.ComAtprotoRepoDeleteRecord.Data(repo=client.did, collection=collection, rkey=key)
    )


def done(client: Client, uri: str) -> Done:
    """The act that wrote the record."""
    return Done(remote_id=uri, url=page_of(client.session.handle, uri))


def now() -> str:
    """The present moment as records write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def post(client: Client, act: Act, *, reply: Any = None) -> Any:
    """The record of a post: text, what in it is a link, a mention or a tag, and the pictures, which are uploaded here."""
    embed = models.AppBskyEmbedImages.Main(images=_images(client, act.images)) if act.images else None
    text = wording.of(act)
    return models.AppBskyFeedPost.Record(
        text=text, created_at=now(), facets=_facets(client, act, text) or None, embed=embed, reply=reply
    )


def _facets(client: Client, act: Act, text: str) -> list[Any]:
    """The parts of the text that lead somewhere; ends and beginnings are counted in bytes."""
    facets: list[Any] = list(detect_facets(text))
    if wording.needs_link(act.text, act.link):
        end = len(text.encode())
        start = end - len(wording.shown(act.link).encode())
        facets = [facet for facet in facets if facet.index.byte_end <= start]
        facets.append(_facet(start, end, models.AppBskyRichtextFacet.Link(uri=act.link)))
    for mention in detect_mentions(text):
        try:
            who = models.AppBskyRichtextFacet.Mention(did=client.did_of(mention.handle))
        except (NotFound, Refused):
            continue  # nobody of that name: it stays plain text
        facets.append(_facet(mention.byte_start, mention.byte_end, who))
    return sorted(facets, key=lambda facet: int(facet.index.byte_start))


def _facet(start: int, end: int, feature: Any) -> Any:
    index = models.AppBskyRichtextFacet.ByteSlice(byte_start=start, byte_end=end)
    return models.AppBskyRichtextFacet.Main(features=[feature], index=index)


def _images(client: Client, images: Sequence[Image]) -> list[Any]:
    if large := [image for image in images if len(image.content) > LARGEST_IMAGE]:
        raise Refused(
            f"A picture has {len(large[0].content):,} bytes; Bluesky takes up to {LARGEST_IMAGE:,}."
        )
    return [
        models.AppBskyEmbedImages.Image(
            alt=image.alt,
            image=client.upload(image.content, image.mime),
            aspect_ratio=models.AppBskyEmbedDefs.AspectRatio(width=image.width, height=image.height),
        )
        for image in images
    ]


def reference(record: Json) -> Any:
    """A record as others point to it."""
    return models.ComAtprotoRepoStrongRef.Main(uri=word(record, "uri"), cid=word(record, "cid"))


def reply_to(parent: Json) -> Any:
    """Where a reply stands: below its parent, in the parent's own thread."""
    root = entry(entry(entry(parent, "value"), "reply"), "root")
    top = root if word(root, "uri") and word(root, "cid") else parent
    return models.AppBskyFeedPost.ReplyRef(parent=reference(parent), root=reference(top))


def follow(did: str) -> Any:
    """The record of following somebody."""
    return models.AppBskyGraphFollow.Record(subject=did, created_at=now())


def like(subject: Json) -> Any:
    """The record of liking a post."""
    return models.AppBskyFeedLike.Record(subject=reference(subject), created_at=now())
