"""Record keys: of the form the server demands, always the same for one act, never the same for two."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from automation.channels.bluesky import keys

TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")


@given(st.uuids())
def test_key_of_a_send_has_the_servers_form_and_is_of_the_past(send_id: uuid.UUID) -> None:
    key = keys.of_send(send_id)
    assert TID.fullmatch(key)
    assert key == keys.of_send(uuid.UUID(str(send_id)))
    number = 0
    for letter in key:
        number = number << 5 | keys.ALPHABET.index(letter)
    moment = datetime.fromtimestamp((number >> keys.CLOCK_BITS) / 1e6, UTC)
    assert datetime(2023, 1, 1, tzinfo=UTC) <= moment <= datetime(2024, 3, 1, tzinfo=UTC)


def test_no_two_sends_share_a_key() -> None:
    assert len({keys.of_send(uuid.uuid4()) for _ in range(100_000)}) == 100_000


def test_follow_and_like_have_one_key_for_each_subject() -> None:
    assert keys.of_subject("follow", "did:plc:a") == keys.of_subject("follow", "did:plc:a")
    assert keys.of_subject("follow", "did:plc:a") != keys.of_subject("follow", "did:plc:b")
    assert keys.of_subject("follow", "did:plc:a") != keys.of_subject("like", "did:plc:a")
