"""From an empty database to leads on the sandbox network, and what stands in the way of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account
from automation.channels import registry
from automation.channels.sandbox.control import Control
from automation.discovery import bootstrap, seeds
from automation.models import DiscoveryPlan, FrontierEntry, QualificationRule, Source
from leads.enums import Stage
from leads.models import Person, Profile
from outreach.lib import networks
from tests.automation.discovery.conftest import explore, requested
from tests.factories import make_account

pytestmark = pytest.mark.django_db(transaction=True)


# --- Seeds -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("network", registry.load())
def test_seeds_of_every_network_that_can_be_searched_are_as_described(network: str) -> None:
    niches = seeds.niches(network)
    able = "fetch_search" in networks.get(network).capabilities
    assert not niches or able
    assert all(len(word) <= 64 for word in seeds.unfit(network))
    for niche in niches.values():
        assert all(len(word) <= 64 for word in niche.keywords)
        assert all(len(query) <= 255 for query in niche.searches)


@pytest.mark.parametrize(
    "text", ["[tea]\nsearches = ['#tea']", "[tea]\nsearches = []\nkeywords = ['tea']", "tea = 1"]
)
def test_seeds_that_are_not_as_described_name_the_place(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(registry, "text_of", lambda network, name: text)
    with pytest.raises(ValueError, match=r"seeds.toml of sandbox: \[tea\] needs"):
        seeds.niches("sandbox")


# --- Beginning ---------------------------------------------------------------------------------------------
def test_a_niche_is_read_judged_and_grown_from_nothing(
    account: Account, control: Control, unpaced: dict[str, Any]
) -> None:
    begun = bootstrap.begin(network="sandbox", by=None, niches=["coffee"])
    explore()
    standing = bootstrap.standing("sandbox")
    assert standing.at_rest
    assert begun.new_rules == ("Seed: sellers (sandbox)", "Seed: coffee (sandbox)")
    assert standing.profiles == Profile.objects.count() == requested(control)["fetch_profile"]
    assert standing.qualified == Person.objects.filter(stage=Stage.QUALIFIED).count() > 50
    truth = {one.handle: one for one in control.people()}
    found = [
        truth[handle]
        for handle in Profile.objects.filter(person__stage=Stage.QUALIFIED).values_list("handle", flat=True)
    ]
    assert {one.niche for one in found} == {"coffee"}
    # Shops are turned down, and who shows nothing is left open: it is those who fit that rules qualify.
    assert sum(one.fit for one in found) > 0.97 * len(found)
    refused = Profile.objects.filter(person__stage=Stage.DISQUALIFIED).values_list("handle", flat=True)
    assert {truth[handle].persona for handle in refused} == {"shop"}
    # Their followers were read, too.
    assert requested(control)["fetch_related"] == standing.qualified
    assert Profile.objects.filter(found_via__startswith="Followers: ").exists()


def test_sources_are_dealt_to_the_accounts_in_turn_and_made_once(
    account: Account, ours: Callable[..., Account]
) -> None:
    other = ours()
    for _ in range(2):
        bootstrap.begin(network="sandbox", by=None, niches=["coffee", "cycling"], expand=False)
    assert Source.objects.count() == 7
    assert [Source.objects.filter(account=one).count() for one in (account, other)] == [4, 3]
    assert QualificationRule.objects.count() == 3
    assert not DiscoveryPlan.objects.get().expand


def test_a_rule_that_staff_have_changed_stays_as_it_is(account: Account) -> None:
    bootstrap.begin(network="sandbox", by=None, niches=["coffee"])
    QualificationRule.objects.update(active=False, keywords=["ristretto"])
    begun = bootstrap.begin(network="sandbox", by=None, niches=["coffee"])
    assert begun.new_rules == ()
    assert {tuple(rule.keywords) for rule in QualificationRule.objects.all()} == {("ristretto",)}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"network": "instagram"}, "no seeds for instagram"),
        ({"network": "sandbox", "niches": ["falconry"]}, "no niche falconry"),
        ({"network": "bluesky"}, "No account on bluesky works yet"),
    ],
)
def test_what_stands_in_the_way_is_said(account: Account, given: dict[str, Any], words: str) -> None:
    with pytest.raises(bootstrap.NotPossible, match=words):
        bootstrap.begin(by=None, **given)
    assert not FrontierEntry.objects.exists()


# --- The command -------------------------------------------------------------------------------------------
def run(**options: Any) -> tuple[dict[str, Any], int]:
    """The command's figures and its exit code."""
    out = StringIO()
    try:
        call_command("bootstrap", json=True, stdout=out, stderr=StringIO(), **options)
    except SystemExit as end:
        return json.loads(out.getvalue()), int(end.code or 0)
    return json.loads(out.getvalue()), 0


def test_command_reports_and_says_when_it_fell_short(
    account: Account, control: Control, unpaced: dict[str, Any]
) -> None:
    found, code = run(niche=["baking"], no_wait=True)
    assert (found["network"], found["sources"], found["profiles"], code) == ("sandbox", 4, 0, 0)
    explore()
    found, code = run(niche=["baking"], profiles=5, qualified=1)
    assert (found["profiles"] >= 5, found["qualified"] >= 1, code) == (True, True, 0)
    explore()
    found, code = run(niche=["baking"], profiles=10**6, only=True)
    assert (found["waiting"] + found["being_read"], code) == (0, 1)


def test_command_says_which_network_it_needs_to_be_told(account: Account) -> None:
    make_account(network="bluesky")
    with pytest.raises(CommandError, match="bluesky, sandbox: say which one"):
        call_command("bootstrap")
    with pytest.raises(CommandError, match="No working account on sandbox is called nobody"):
        call_command("bootstrap", network="sandbox", account=["@Nobody"])


def test_command_lists_networks_and_niches() -> None:
    out = StringIO()
    call_command("bootstrap", list=True, stdout=out)
    assert "sandbox: coffee, cycling, ceramics" in out.getvalue()
