"""What is said of the networks this installation can act on."""

from __future__ import annotations

import pytest

from accounts.enums import ActionKind
from automation.channels import registry
from outreach.lib import networks


@pytest.mark.parametrize("name", registry.load())
def test_what_a_network_says_of_an_act_is_a_sentence(name: str) -> None:
    for kind, why in networks.get(name).closed.items():
        assert why.endswith("."), kind
        assert networks.why_closed(name, kind) == f" {why}"


def test_what_nobody_said_is_left_out() -> None:
    assert networks.why_closed("no-such-network", "dm") == ""
    assert networks.why_closed("sandbox", "dm") == ""


def test_every_act_instagram_lacks_is_explained() -> None:
    network = networks.get("instagram")
    acts = {
        ActionKind.FOLLOW,
        ActionKind.UNFOLLOW,
        ActionKind.LIKE,
        ActionKind.FETCH_RELATED,
        ActionKind.FETCH_SEARCH,
    }
    assert not acts & network.capabilities
    assert acts <= set(network.closed)
