# SPDX-License-Identifier: Apache-2.0
"""A day's sheet of a rotating code: what a phone needs to show all codes of that day without a network. Pure.

The sheet holds the chain's seed: whoever has it has the day's codes, as whoever has a paper ticket has the ticket.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pistegate_protocol.claims import Claim, encode_claim
from pistegate_protocol.codes import TicketCode
from pistegate_protocol.errors import CodecError
from pistegate_protocol.rotating import (
    LINK_BYTES,
    STEPS_MAX,
    Rotating,
    anchor_of,
    chain_salt,
    step_at,
    walk,
)
from pistegate_protocol.signing import Medium, MediumKind, sign_claim, split_signed_claim


@dataclass(frozen=True, slots=True)
class Sheet:
    """Codes of `steps` periods from `start` (a minute, instants.py); `seed` is the link of the last of them."""

    body: bytes
    signature: bytes
    start: int
    steps: int
    seed: bytes

    def code(self, step: int) -> TicketCode:
        """The code of period `step`; CodecError where the sheet has none."""
        if not 0 <= step < self.steps:
            raise CodecError(f"this sheet has periods 0..{self.steps - 1}, not {step}")
        link = walk(chain_salt(self.body, self.start), self.seed, self.steps - 1 - step)
        return TicketCode(self.body, self.signature, Rotating(self.start, step, link))

    def code_at(self, now: datetime) -> TicketCode:
        """The code to be shown at `now`; CodecError outside of its time."""
        return self.code(step_at(self.start, now))


def sign_sheet(claim: Claim, start: int, steps: int, seed: bytes, key: Ed25519PrivateKey) -> Sheet:
    """The sheet of `claim` for `steps` periods from `start`; `seed`: 14 secret bytes of this claim and start alone."""
    if not 1 <= steps <= STEPS_MAX + 1 or len(seed) != LINK_BYTES:
        raise CodecError(f"sheet of {steps} periods, seed of {len(seed)} bytes")
    salt = chain_salt(encode_claim(claim), start)
    anchor = anchor_of(salt, walk(salt, seed, steps - 1))
    body, _, _, signature = split_signed_claim(sign_claim(claim, Medium(MediumKind.ROTATING, anchor), key))
    return Sheet(body, signature, start, steps, seed)
