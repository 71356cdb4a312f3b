"""A post on the sandbox network, with its figures read back from there."""

from __future__ import annotations

import pytest

from accounts.models import Account
from automation.channels.sandbox.control import Control
from automation.content import services as content
from automation.enums import PublicationState
from tests.automation.conftest import run_lanes

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_post_goes_out_once_and_its_figures_come_back(account: Account, control: Control) -> None:
    post = content.create_post(text="Fresh from the sandbox tests", link="https://example.org/x", by=None)
    content.approve(post=post, by=None)
    publication = content.schedule(post=post, account=account, by=None)
    run_lanes()
    publication.refresh_from_db()
    (act,) = (one for one in control.ledger() if one.text == "Fresh from the sandbox tests")
    assert (publication.state, publication.remote_id) == (PublicationState.PUBLISHED, act.remote_id)
    assert act.link == "https://example.org/x"
    someone = next(one for one in control.people() if one.temper == "silent")
    control.say(someone.handle, "Nice!", post_id=act.remote_id)
    content.measure_now(publication=publication, by=None)
    run_lanes()
    publication.refresh_from_db()
    assert (publication.replies, publication.measurements.count()) == (1, 1)
    control.delete_post(act.remote_id)
    content.measure_now(publication=publication, by=None)
    run_lanes()
    publication.refresh_from_db()
    assert publication.detail == "It is gone from the network."
