"""Sites without an API: each is described by one file and worked through a real browser."""

from outreach.lib.networks import Network

CAPABILITIES = frozenset(
    {
        "follow", "unfollow", "like", "post", "reply", "dm", "verify",
        "fetch_profile", "fetch_related", "fetch_commenters", "fetch_search", "fetch_metrics", "fetch_inbox",
    }
)  # fmt: skip
NETWORK = Network(
    name="web",
    label="Website",
    needs_server=True,
    # Without a password a person signs in once: manage.py login. A site file is found by the server's name.
    optional_fields={"password": "Password", "site": "Name of its site file"},
    capabilities=CAPABILITIES,
)
