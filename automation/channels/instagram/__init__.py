"""Instagram, for professional accounts, through Meta's Graph API."""

from outreach.lib.networks import Handles, Network

ADDRESS = "https://graph.instagram.com"
CAPABILITIES = frozenset(
    {"post", "reply", "dm", "verify", "fetch_profile", "fetch_commenters", "fetch_metrics", "fetch_inbox"}
)
NETWORK = Network(
    name="instagram",
    label="Instagram",
    credential_fields={"access_token": "Instagram access token (long-lived)"},
    optional_fields={
        "facebook_token": "Facebook access token, to look other profiles up",
        "client_id": "Instagram app ID of your app",
        "client_secret": "Instagram app secret of your app",
    },
    capabilities=CAPABILITIES,
    address=ADDRESS,
    handles=Handles(joiners="_."),
    answers_comments_privately=True,
    closed={
        "follow": "Instagram's API follows nobody.",
        "unfollow": "Instagram's API follows nobody.",
        "like": "Instagram's API likes nothing.",
        "fetch_related": "Instagram's API tells nobody's followers.",
        "fetch_search": "Instagram's API does not search people.",
        "fetch_profile": "Only professional accounts can be looked up, and only with a Facebook access token.",
        "fetch_commenters": "Only who commented on the account's own latest posts.",
        "post": "A post needs a picture: give it the public address of a JPEG as its link. 50 posts in 24 hours.",
        "reply": "Only to comments on the account's own posts.",
        "dm": "Only to people who wrote to the account in the last 24 hours, and once to each comment of the last 7 days. "
        "At most 1,000 bytes.",
        "fetch_inbox": "Comments on the 25 latest posts, and the 20 latest messages of each conversation.",
    },
)
