"""The link by which a person says no without logging in: signed, good for ever, and naming nobody.

It carries a profile's number and the keyed hash of its address, so it still works when the profile is gone or the address
has moved on: then the hash itself goes on the list. It is signed with HASH_KEY, which is never rotated.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from leads import consent
from leads.addresses import address_hash
from leads.models import Profile

BY = "one-click unsubscribe"
DETAIL = "Pressed the link in a mail"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a link stands for."""

    network: str
    profile_id: int
    digest: str


def link_for(profile: Profile) -> str:
    """The address at which this profile's person can say no; empty where the installation has no public address."""
    if not settings.PUBLIC_URL:
        return ""
    digest = address_hash(profile.network, profile.handle)
    token = _signer().sign(f"{profile.network}-{profile.pk}-{digest}")
    return settings.PUBLIC_URL + reverse("unsubscribe", args=[token])


def read(token: str) -> Ticket:
    """What a link stands for; :class:`ValueError` for one that we did not make."""
    try:
        network, profile_id, digest = _signer().unsign(token).rsplit("-", 2)
        return Ticket(network, int(profile_id), digest)
    except BadSignature:
        raise ValueError("This link is not one of ours.") from None


def say_no(ticket: Ticket) -> bool:
    """Never write to this person again; whether that changed anything. Pressing again does no harm."""
    profile = Profile.objects.filter(pk=ticket.profile_id, network=ticket.network).first()
    if profile is not None and address_hash(profile.network, profile.handle) == ticket.digest:
        done = consent.suppress_address(network=profile.network, handle=profile.handle, by=BY, detail=DETAIL)
        return done.changed
    return consent.suppress_hash(network=ticket.network, digest=ticket.digest, by=BY, detail=DETAIL)


def _signer() -> Signer:
    return Signer(key=settings.HASH_KEY, sep=".", salt="leads.unsubscribing")
