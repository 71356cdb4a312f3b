"""Profiles: found, added, read again. One address is one row, and a no on the list reaches whoever gets the
address.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import Account
from leads import consent
from leads.addresses import normalise
from leads.models import Person, Profile
from leads.services.facts import FetchedProfile, ProfileFacts, clean_facts, clean_text, facts_of, posts_of
from leads.services.figures import record_figures
from outreach.lib import events

logger = logging.getLogger(__name__)
RACES = 3  # how often an insert that lost against somebody else's is looked up and tried again


class AddressTaken(ValueError):
    """The address is already a profile of somebody else."""

    def __init__(self, profile: Profile) -> None:
        super().__init__(f"{profile.handle} ({profile.network}) already belongs to {profile.person}.")
        self.profile = profile


def add_profile(
    *,
    network: str,
    handle: str,
    person: Person | None = None,
    found_by: Account | None = None,
    found_via: str = "",
    by: consent.Actor = None,
    **facts: Any,
) -> tuple[Profile, bool]:
    """The profile with this address, and whether it is new. With no ``person``, a new one becomes a lead of
    its own.

    ``facts`` are ``remote_id``, ``url``, ``display_name``, ``bio``, ``language`` and the three counts. A
    known profile is returned as it is. Effects of a new one: ``profile.added`` (and ``person.created``);
    whoever gets a suppressed address, and every address of a suppressed person, is suppressed. Raises
    :class:`ValueError` when it is not an address, :class:`AddressTaken` when it is somebody else's than
    ``person``'s.
    """
    address = normalise(network, handle)
    columns = {address: clean_facts(facts)}
    with transaction.atomic():
        created = _insert_missing(network, columns, person, found_by, found_via, by)
        profile = Profile.objects.select_related("person").get(network=network, handle=address)
    if person is not None and profile.person_id != person.pk:
        raise AddressTaken(profile)
    return profile, bool(created)


def find_or_add_profiles(
    *,
    network: str,
    infos: Iterable[ProfileFacts],
    found_by: Account | None = None,
    found_via: str = "",
    by: consent.Actor = None,
) -> tuple[list[Profile], int]:
    """Add whom we do not know yet, each as a lead; gives the new profiles and how many were known or named
    twice.

    Duplicates are dropped before anything else happens; five queries whatever the number, a few more when
    somebody in it once said no (they come out suppressed). Handles that are no addresses are logged and left
    out.
    """
    columns: dict[str, dict[str, Any]] = {}
    duplicates = 0
    for info in infos:
        try:
            address = normalise(network, info.handle)
        except ValueError as error:
            logger.warning("A profile found on %s was left out: %s", network, error)
            continue
        duplicates += address in columns
        columns.setdefault(address, facts_of(info))
    created = _insert_missing(network, columns, None, found_by, found_via, by) if columns else []
    return created, duplicates + len(columns) - len(created)


def _insert_missing(
    network: str,
    columns: Mapping[str, dict[str, Any]],
    person: Person | None,
    found_by: Account | None,
    found_via: str,
    by: consent.Actor,
) -> list[Profile]:
    """Insert the profiles of these normalised handles that do not exist yet."""
    shared = {"network": network, "found_by": found_by, "found_via": clean_text(found_via, 255)}
    for race in range(RACES):
        try:
            with transaction.atomic():
                consent.hold_addresses((network, handle) for handle in columns)
                known = Profile.objects.filter(network=network, handle__in=list(columns))
                missing = sorted(set(columns) - set(known.values_list("handle", flat=True)))
                new = [Profile(handle=handle, **shared, **columns[handle]) for handle in missing]
                _save_new(new, person, found_by, by)
                return new
        except IntegrityError:
            if race == RACES - 1:
                raise
    raise AssertionError("unreachable")


def _save_new(new: list[Profile], person: Person | None, found_by: Account | None, by: consent.Actor) -> None:
    if not new:
        return
    if person is None:
        people = [
            Person(display_name=one.display_name or one.handle, language=one.language, found_by=found_by)
            for one in new
        ]
        Person.objects.bulk_create(people)
        events.emit("person.created", model="leads.person", ids=[one.pk for one in people], by=by)
    else:
        people = [person] * len(new)
    for profile, owner in zip(new, people, strict=True):
        profile.person = owner
    Profile.objects.bulk_create(new)
    if person is not None:
        consent.propagate(person.pk, by=by)
    elif listed := consent.suppressed_addresses((one.network, one.handle) for one in new):
        consent.propagate([one.person_id for one in new if (one.network, one.handle) in listed], by=by)
    events.emit("profile.added", model="leads.profile", ids=[one.pk for one in new], by=by)


def record_fetch(profile: Profile, info: FetchedProfile, *, refresh_after: timedelta) -> None:
    """Keep what a visit to the profile showed, and when to visit again.

    Effects: the profile's facts, recent posts, ``fetched_at`` and ``refresh_at`` (database time); the day's figures if
    they changed; a person still named by the bare handle gets the display name, one without a language the profile's. A changed
    handle is followed when it is free, and a no follows with it. Emits ``profile.fetched``.
    """
    facts = facts_of(info)
    with transaction.atomic():
        renamed = _renamed(profile, info.handle)
        if renamed:
            consent.hold_addresses([(profile.network, renamed)])
        person = Person.objects.filter(pk=profile.person_id)
        person.select_for_update(no_key=True).exists()  # people before profiles, as everywhere
        if renamed:
            _follow_rename(profile, renamed)
        for name, value in {**facts, "recent_posts": posts_of(info)}.items():
            setattr(profile, name, value)
        profile.save(update_fields=[*facts, "recent_posts"])
        Profile.objects.filter(pk=profile.pk).update(fetched_at=Now(), refresh_at=Now() + refresh_after)
        profile.refresh_from_db(fields=["fetched_at", "refresh_at"])
        record_figures(profile)
        if facts["display_name"]:
            person.filter(display_name__in=["", profile.handle]).update(display_name=facts["display_name"])
        if facts["language"]:
            person.filter(language="").update(language=facts["language"])
        events.emit("profile.fetched", model="leads.profile", ids=[profile.pk])


def _renamed(profile: Profile, handle: str) -> str:
    """The handle the network gives this profile now, normalised; empty if it is the one we know."""
    try:
        address = normalise(profile.network, handle)
    except ValueError:
        return ""
    return address if address != profile.handle else ""


def _follow_rename(profile: Profile, handle: str) -> None:
    """Store the profile's new handle, unless another profile has it."""
    try:
        with transaction.atomic():
            Profile.objects.filter(pk=profile.pk).update(handle=handle)
    except IntegrityError:
        logger.warning("Profile %s is now called like another one and keeps its handle.", profile.pk)
        return
    profile.handle = handle
    consent.propagate(profile.person_id)
