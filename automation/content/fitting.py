"""Whether a network takes a post as it is: its length, its pictures, who may see it."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.exceptions import ValidationError

from accounts.models import Account
from automation.channels import registry
from automation.enums import Visibility
from automation.models import Post, PostImage
from outreach.lib import networks
from outreach.lib.networks import Network, Posts

NO_RULES = Posts(longest=0, length=lambda *_: 0)  # of a network that says nothing: plain text of any length


def check_fits(post: Post, network: str, *, longest: int | None = None) -> None:
    """Raise :class:`ValidationError` with every reason why ``network`` would not take the post as it is.

    ``longest`` is what the account's own server takes, where it has told.
    """
    registry.load()
    if problems := list(_problems(post, networks.get(network), longest)):
        raise ValidationError(problems)


def check_text(text: str, account: Account) -> None:
    """Raise :class:`ValidationError` when the account's network, or its own server, would not take a text of this length."""
    registry.load()
    if problem := _too_long(networks.get(account.network), account.longest_post, text):
        raise ValidationError({"text": problem})


def _too_long(network: Network, longest: int | None, text: str, link: str = "", warning: str = "") -> str:
    """Why the words are too many, as a sentence; empty where they are not."""
    rules = network.posts or NO_RULES
    most, whose = (longest, "Its server") if longest else (rules.longest, network.label)
    length = rules.length(text, link, warning)
    if length <= most:
        return ""
    return (
        f"{whose} takes posts of {most} {rules.unit}; this one has {length}. Shorten it by {length - most}."
    )


def _problems(post: Post, network: Network, longest: int | None) -> Iterator[str]:
    rules = network.posts or NO_RULES
    if problem := _too_long(network, longest, post.text, post.link, post.content_warning):
        yield problem
    yield from _picture_problems(post, network.label, rules)
    if post.visibility and post.visibility not in (rules.visibilities or (Visibility.PUBLIC,)):
        seen_by = post.get_visibility_display().lower()
        yield f"{network.label} has no posts for “{seen_by}”. Leave the visibility empty or choose another."
    if post.content_warning and not rules.warnings:
        yield f"{network.label} has no content warnings. Write it into the text instead."


def _picture_problems(post: Post, label: str, rules: Posts) -> Iterator[str]:
    alts = list(PostImage.objects.filter(post_id=post.pk).order_by("position").values_list("alt", flat=True))
    if len(alts) > rules.images:
        most = f"takes at most {rules.images} pictures" if rules.images else "takes no pictures from here"
        yield f"{label} {most}; this post has {len(alts)}."
    if missing := [str(number) for number, alt in enumerate(alts, start=1) if not alt.strip()]:
        yield f"Picture {', '.join(missing)} has no alt text. Say in words what it shows."
