"""Profiles: one identity of a person on one network."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from accounts.api.access import needs
from leads.addresses import normalise
from leads.api.schemas import FiguresOut, ProfileOut, ProfileQuery, ProfileRow
from leads.models import Profile, ProfileFigures
from outreach.lib.errors import ApiError, find, refusals
from outreach.lib.pagination import page
from outreach.lib.schemas import ListQuery, Page

router = Router(tags=["Profiles"])
READ = needs("profiles:read", "leads.view_profile")


@router.get("/profiles", response=Page[ProfileRow], summary="List profiles", **READ)
def list_profiles(request: HttpRequest, query: Query[ProfileQuery]) -> Any:
    filters = query.filters()
    if (fetched := filters.pop("fetched", None)) is not None:
        filters["fetched_at__isnull"] = not fetched
    if "handle" in filters:
        filters["handle"] = _spelled(query)
    profiles = Profile.objects.defer("bio", "recent_posts").filter(**filters)
    return page(profiles, cursor=query.cursor, limit=query.limit)


@router.get("/profiles/{int:profile_id}", response=ProfileOut, summary="Show a profile", **READ)
def show_profile(request: HttpRequest, profile_id: int) -> Any:
    return find(Profile.objects.all(), profile_id)


@router.get(
    "/profiles/{int:profile_id}/figures",
    response=Page[FiguresOut],
    summary="Show how a profile's figures went",
    **needs("profiles:read", "leads.view_profilefigures"),
)
def list_figures(request: HttpRequest, profile_id: int, query: Query[ListQuery]) -> Any:
    """The newest day first; two years are kept."""
    profile = find(Profile.objects.only("pk"), profile_id)
    return page(ProfileFigures.objects.filter(profile=profile), cursor=query.cursor, limit=query.limit)


def _spelled(query: ProfileQuery) -> str:
    if query.network is None:
        message = "Say on which network the handle is."
        raise ApiError(422, message, fields={"query.network": [message]})
    with refusals():
        return normalise(query.network, query.handle or "")
