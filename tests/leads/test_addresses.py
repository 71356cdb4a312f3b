"""One spelling for each address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.addresses import address_hash, normalise

ANN = "ann@xn--bcher-kva.example"


@pytest.mark.parametrize(
    "spelling",
    [
        "ann@bücher.example",
        "ANN@BÜCHER.EXAMPLE",
        "  Ann@bu\u0308cher.example\n",
        "ann@xn--bcher-kva.example",
        "ann@XN--BCHER-KVA.example",
        "Ann Lee <ann@bücher.example>",
        '"Lee, Ann" <ann@bücher.example>',
        "mailto:ann@bücher.example",
        "ann＠bücher．example",
        "ａｎｎ@bücher.example",
        "ann\u200b@bücher.example",
        "\ufeffann@bücher.example",
        "ann@bücher.example.",
    ],
)
def test_normalise_gives_every_spelling_of_an_email_one_form(spelling: str) -> None:
    assert normalise("email", spelling) == ANN
    assert address_hash("email", spelling) == address_hash("email", ANN)


@pytest.mark.parametrize(
    "rubbish",
    [
        "", " ", "ann", "@", "ann@", "@example.org", "ann@example", "ann@@example.org", "a b@example.org",
        "ann@exa mple.org", "ann..lee@example.org", ".ann@example.org", "ann@-example.org", "ann@example..org",
        "ann@127.0.0.1", "ann\0@example.org", "ann\ud800@example.org", "a" * 65 + "@example.org",
        "ann@" + "a" * 64 + ".org", "ann@" + "a.b" * 90 + ".org", "ann@xn--a-\u00fc.example", "ann@xn--0.example",
    ],
)  # fmt: skip
def test_normalise_refuses_what_is_no_email_with_a_sentence(rubbish: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        normalise("email", rubbish)
    assert "\0" not in str(caught.value)
    str(caught.value).encode()


@pytest.mark.parametrize(
    ("spelling", "stored"),
    [
        ("@Ann", "ann"),
        (" ann ", "ann"),
        ("ＡＮＮ", "ann"),
        ("Straße", "strasse"),
        ("@Ann@Mastodon.Social", "ann@mastodon.social"),
        ("ann@BÜCHER.example", ANN),
        ("ann.bsky.social", "ann.bsky.social"),
    ],
)
def test_normalise_gives_every_spelling_of_a_handle_one_form(spelling: str, stored: str) -> None:
    assert normalise("mastodon", spelling) == stored


@pytest.mark.parametrize(
    "rubbish", ["", "@", "@@", "a b", "a\tb", "a\0", "a\ud800", "x" * 256, "https://x.org/ann"]
)
def test_normalise_refuses_what_is_no_handle_with_a_sentence(rubbish: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        normalise("mastodon", rubbish)


@given(
    st.sampled_from(["email", "mastodon"]),
    st.one_of(st.text(), st.builds("{}@{}.example".format, st.text(), st.text())),
)
def test_normalise_twice_is_normalise_once(network: str, text: str) -> None:
    try:
        once = normalise(network, text)
    except ValueError:
        return
    assert normalise(network, once) == once
    assert 0 < len(once) <= 255
    once.encode()


@given(st.from_regex(r"[a-z0-9]{1,20}@[a-z0-9]{1,20}\.[a-z]{2,6}", fullmatch=True))
def test_normalise_keeps_plain_addresses_and_ignores_their_case(address: str) -> None:
    assert normalise("email", address) == address
    assert normalise("email", address.upper()) == address


def test_address_hash_differs_by_network_and_survives_a_new_secret_key(settings: object) -> None:
    before = address_hash("mastodon", "ann@example.org")
    assert before != address_hash("email", "ann@example.org")
    settings.SECRET_KEY = "rotated"  # type: ignore[attr-defined]
    assert address_hash("mastodon", "@Ann@example.org") == before
