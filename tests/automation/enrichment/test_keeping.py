"""Which address is chosen for sending."""

from __future__ import annotations

import pytest

from automation.campaigns import services
from automation.models import Enrolment
from leads.enums import MailVerdict
from leads.models import Profile
from tests.factories import make_campaign, make_person, make_profile

pytestmark = pytest.mark.django_db


def test_bad_address_is_never_chosen_and_a_sure_one_first() -> None:
    person, other = make_person(), make_person()
    verdicts = {
        "bad@x.test": MailVerdict.BAD, "info@x.test": MailVerdict.RISKY, "ann@x.test": MailVerdict.GOOD, "a@y.test": "",
    }  # fmt: skip
    for handle, verdict in verdicts.items():
        make_profile(handle, network="email", person=person, mail_verdict=verdict)
    make_profile("gone@x.test", network="email", person=other, mail_verdict=MailVerdict.BAD)
    result = services.enrol(
        campaign=make_campaign(network="email"), profiles=Profile.objects.all(), by="test"
    )

    assert (result.added, result.unsuitable) == (1, 1)
    assert Enrolment.objects.get().profile.handle == "ann@x.test"
