"""Bluesky, and every other account server of the AT Protocol."""

from automation.channels.bluesky import wording
from outreach.lib.networks import Handles, Network, Posts

CAPABILITIES = frozenset(
    {
        "follow", "unfollow", "like", "post", "reply", "verify",
        "fetch_profile", "fetch_related", "fetch_commenters", "fetch_search", "fetch_metrics", "fetch_inbox",
    }
)  # fmt: skip
NETWORK = Network(
    name="bluesky",
    label="Bluesky",
    credential_fields={"app_password": "App password (Settings, Privacy and security)"},
    address="https://bsky.social",
    handles=Handles(longest=18, shortest=3, joiners="-", suffix=".bsky.social"),
    capabilities=CAPABILITIES,
    closed={
        "dm": "Direct messages are a service of their own that is closed to other programs; answer people's posts instead.",
        "email": "This network carries no e-mail.",
    },
    posts=Posts(longest=wording.LONGEST, unit="characters", length=wording.length, images=4, warnings=True),
)
