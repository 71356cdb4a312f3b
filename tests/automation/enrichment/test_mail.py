"""E-mail addresses in texts, and what can be said of one without asking."""

from __future__ import annotations

import pytest

from automation.enrichment import mail


def test_addresses_are_found_as_we_store_them() -> None:
    text = "Mail: Ann@Roast.example, bob@BÜCHER.example. Not ann@ nor @roast nor noreply@roast.example"
    assert mail.addresses_in(text) == ("ann@roast.example", "bob@xn--bcher-kva.example")


def test_spelled_out_addresses_are_left_alone() -> None:
    assert mail.addresses_in("ann [at] roast.example, ann (at) roast dot example") == ()


def test_profile_has_three_addresses_at_most() -> None:
    assert len(mail.addresses_in(" ".join(f"p{n}@roast.example" for n in range(50)))) == 3


def test_sites_own_addresses_come_first_and_the_hosters_never() -> None:
    emails = ["ann@web.example", "help@wordpress.com", "hello@roast.example", "x@sentry.wixpress.com"]
    assert mail.of_site(emails, "www.roast.example") == ("hello@roast.example", "ann@web.example")


@pytest.mark.parametrize(
    ("address", "bounced", "verdict"),
    [
        ("ann@roast.example", False, ""), ("ann@roast.example", True, "bad"), ("info@roast.example", False, "risky"),
        ("noreply@roast.example", False, "bad"), ("ann@mailinator.com", False, "bad"),
        ("ann@box.mailinator.com", False, "bad"), ("nobody", False, "bad"),
    ],
)  # fmt: skip
def test_address_is_judged_by_its_look(address: str, bounced: bool, verdict: str) -> None:
    judged = mail.judge(address, bounced=bounced)
    assert judged.verdict == verdict
    assert bool(judged.note) == bool(verdict)
