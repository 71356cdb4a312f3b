"""Mastodon and servers that speak its API."""

from automation.channels.mastodon import wording
from outreach.lib.networks import Network, Posts

CAPABILITIES = frozenset(
    {
        "follow", "unfollow", "like", "post", "reply", "dm", "verify",
        "fetch_profile", "fetch_related", "fetch_commenters", "fetch_search", "fetch_metrics", "fetch_inbox",
    }
)  # fmt: skip
NETWORK = Network(
    name="mastodon",
    label="Mastodon",
    credential_fields={"token": "Access token"},
    needs_server=True,
    handles_name_their_server=True,
    capabilities=CAPABILITIES,
    posts=Posts(
        longest=wording.LONGEST, length=wording.length, images=4, warnings=True,
        visibilities={"public": "Public", "unlisted": "Quiet public", "private": "Followers"},
    ),
)  # fmt: skip
