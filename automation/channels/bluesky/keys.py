"""Record keys that follow from what is done, so that an unclear act can be looked up, and none is done twice.

They have the form of a TID, which the account server demands of these records: 13 letters for 64 bits, the first bit 0,
then 53 bits of microseconds since 1970 and 10 of a clock id.
"""

from __future__ import annotations

import hashlib
from uuid import UUID

ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
LETTERS = 13
# The time in a key is taken from a bit over a year that is past: servers and readers may distrust keys of the future.
BEGIN = 1_672_531_200_000_000  # microseconds: 2023-01-01
TIME_BITS = 45
CLOCK_BITS = 10


def of_send(send_id: UUID) -> str:
    """The key of what an act writes: the same for every attempt, another for every act."""
    return _key(f"send:{send_id}")


def of_subject(kind: str, subject: str) -> str:
    """The key of a follow or like: one for each account or post, so there is never a second."""
    return _key(f"{kind}:{subject}")


def _key(seed: str) -> str:
    bits = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
    moment = BEGIN + ((bits >> CLOCK_BITS) & ((1 << TIME_BITS) - 1))
    number = moment << CLOCK_BITS | bits & ((1 << CLOCK_BITS) - 1)
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(LETTERS)))
