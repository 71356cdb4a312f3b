"""Every network's stand."""

from __future__ import annotations

from tests.chaos.stand import Stand
from tests.chaos.stands_mail import ProviderStand, SmtpStand
from tests.chaos.stands_social import BlueskyStand, InstagramStand, MastodonStand, XStand

STANDS: dict[str, type[Stand]] = {
    "bluesky": BlueskyStand,
    "mastodon": MastodonStand,
    "x": XStand,
    "instagram": InstagramStand,
    "email": SmtpStand,
    "provider": ProviderStand,
}
