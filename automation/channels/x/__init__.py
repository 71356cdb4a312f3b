"""X, through its API v2."""

from outreach.lib.networks import Handles, Network

ADDRESS = "https://api.x.com"
CAPABILITIES = frozenset(
    {
        "follow", "unfollow", "like", "post", "reply", "dm", "verify",
        "fetch_profile", "fetch_related", "fetch_commenters", "fetch_search", "fetch_metrics", "fetch_inbox",
    }
)  # fmt: skip
NETWORK = Network(
    name="x",
    label="X",
    credential_fields={"access_token": "Access token"},
    optional_fields={
        "refresh_token": "Refresh token",
        "client_id": "Client ID of your app",
        "client_secret": "Client secret of your app",
    },
    capabilities=CAPABILITIES,
    address=ADDRESS,
    handles=Handles(longest=15, shortest=4),
    closed={
        "like": "X's automation rules forbid likes nobody decided; plan them only for posts a person has chosen.",
        "follow": "X's automation rules forbid following in bulk; X's own limits are low and depend on the app's plan.",
        "reply": "X may refuse replies to people who did not mention the account, depending on the app's plan.",
        "dm": "X delivers only to people who follow the account or take messages from everyone, and keeps 30 days.",
        "fetch_search": "X searches the posts of the last 7 days, not people: found are those who wrote them.",
        "fetch_commenters": "X knows replies of the last 7 days only.",
        "pictures": "Up to 4 a post, 5 MB each.",
        "visibility": "Posts are public; who may read them is the account's own setting.",
    },
)
