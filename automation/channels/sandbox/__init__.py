"""Our own small network, for demos and tests: see ``manage.py sandbox``."""

from outreach.lib.networks import Network

CAPABILITIES = frozenset(
    {
        "follow", "unfollow", "like", "post", "reply", "dm", "verify",
        "fetch_profile", "fetch_related", "fetch_commenters", "fetch_search", "fetch_metrics", "fetch_inbox",
    }
)  # fmt: skip
NETWORK = Network(
    name="sandbox",
    label="Sandbox",
    credential_fields={"token": "Access token"},
    needs_server=True,
    capabilities=CAPABILITIES,
)
