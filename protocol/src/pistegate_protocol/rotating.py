# SPDX-License-Identifier: Apache-2.0
"""The code that changes every 15 s on a phone's page: a hash chain of one day, revealed backwards. Pure.

The cloud makes a chain `seed -> H(seed) -> ... -> end` of as many links as the day has periods, and signs the claim
for the medium (ROTATING, anchor), where `anchor` names the chain's end and start. In period k the page shows the link k
steps before the end. Whoever hashes it k times has the end, hence the anchor, hence the signed claim: a gate needs the
issuer's public key and nothing else. A link tells those of earlier periods, which are over, and none of later ones.
What else could have been built, and what a stolen gate could forge: docs/decisions/0019-codes.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from pistegate_protocol.errors import CodecError
from pistegate_protocol.instants import TIME_ZERO
from pistegate_protocol.reasons import Reason

PERIOD_S: Final = 15  # the page shows each code so long
# A gate takes a code from 5 s before its period to 10 s after it: 30 s in all, so that whatever the phone's clock says,
# a picture is dead 30 s after the code could first be used. Pages set their clock by the cloud; a scan takes 1 s.
EARLY_S: Final = 5
LATE_S: Final = 25
DOUBT_S: Final = 600  # by so much a doubted clock may be wrong; then a code newer than the newest seen is taken
LINK_BYTES: Final = 14  # 112 bits: one more byte pair would make the QR a version larger
ANCHOR_BYTES: Final = 16  # a medium id's most
STEPS_MAX: Final = 6400  # 26 h 40 min: the longest day of a site has 25 h; bounds the hashing that a line can ask for
TICKS_A_MINUTE: Final = 60 // PERIOD_S

_START_BYTES, _STEP_BYTES = 3, 2
ROTATING_BYTES: Final = _START_BYTES + _STEP_BYTES + LINK_BYTES
_SALT_LABEL, _ANCHOR_LABEL = b"pistegate chain\x00", b"pistegate anchor\x00"
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Rotating:
    """The part of a code that changes: `start` of its chain (a minute, instants.py), period `step`, its `link`."""

    start: int
    step: int
    link: bytes

    @property
    def tick(self) -> int:
        """Number of its period since 2020: grows by one every 15 s."""
        return self.start * TICKS_A_MINUTE + self.step

    @property
    def shown_from(self) -> datetime:
        """When its period began."""
        return TIME_ZERO + timedelta(seconds=self.tick * PERIOD_S)

    def anchor(self, body: bytes) -> bytes:
        """What its chain is signed under, for the claim `body`; walks `step` links (some 0.4 us each)."""
        salt = chain_salt(body, self.start)
        return anchor_of(salt, walk(salt, self.link, self.step))

    def to_bytes(self) -> bytes:
        """Start u24, step u16, link; CodecError for a value out of range (starts reach to the year 2051)."""
        if not (0 <= self.start < 1 << 8 * _START_BYTES and 0 <= self.step <= STEPS_MAX):
            raise CodecError(f"chain of minute {self.start}, period {self.step}: out of range")
        if len(self.link) != LINK_BYTES:
            raise CodecError(f"link of {len(self.link)} bytes")
        return self.start.to_bytes(_START_BYTES, "big") + self.step.to_bytes(_STEP_BYTES, "big") + self.link

    @classmethod
    def from_bytes(cls, data: bytes) -> "Rotating":
        """The inverse; CodecError for anything else."""
        if len(data) != ROTATING_BYTES:
            raise CodecError(f"rotating part of {len(data)} bytes")
        step = int.from_bytes(data[_START_BYTES : _START_BYTES + _STEP_BYTES], "big")
        if step > STEPS_MAX:
            raise CodecError(f"period {step} of a chain")
        return cls(int.from_bytes(data[:_START_BYTES], "big"), step, data[_START_BYTES + _STEP_BYTES :])


@dataclass(frozen=True, slots=True)
class ReadAt:
    """When a code was read: `now` (aware), whether that clock is trusted, and the newest tick of the same ticket that
    was admitted here (None: none).
    """

    now: datetime
    trusted: bool = True
    newest: int | None = None


def out_of_time(code: Rotating, read: ReadAt) -> Reason | None:
    """Why `code` does not hold now; None when it does.

    While the clock is in doubt, only what is newer than anything seen holds, and nothing that is minutes off.
    """
    age = (read.now - code.shown_from).total_seconds()
    if read.trusted and age < -EARLY_S:
        return Reason.CODE_AHEAD
    if read.trusted and age >= LATE_S:
        return Reason.CODE_OLD
    if not read.trusted and abs(age) > DOUBT_S:
        return Reason.CLOCK_DOUBT
    if read.newest is not None and code.tick <= read.newest:
        return Reason.CODE_REPLAYED
    return None


def chain_salt(body: bytes, start: int) -> bytes:
    """What ties every link of a chain to one claim and one day."""
    return sha256(_SALT_LABEL + start.to_bytes(_START_BYTES, "big") + body).digest()[:_SALT_BYTES]


def walk(salt: bytes, link: bytes, steps: int) -> bytes:
    """The link `steps` later in the chain, that is of an earlier period."""
    for _ in range(steps):
        link = sha256(salt + link).digest()[:LINK_BYTES]
    return link


def anchor_of(salt: bytes, end: bytes) -> bytes:
    """The name of a chain by its end."""
    return sha256(_ANCHOR_LABEL + salt + end).digest()[:ANCHOR_BYTES]


def step_at(start: int, now: datetime) -> int:
    """The period of a chain that is shown at `now` (aware); below 0 before its start."""
    return (now - TIME_ZERO) // timedelta(seconds=PERIOD_S) - start * TICKS_A_MINUTE
