# SPDX-License-Identifier: Apache-2.0
"""What names a finger: the ticket that it was given for, and which of that ticket's fingers it is. Pure.

The name says nothing of a person, and is used once: whoever withdraws and consents again gets another one, so that a
deletion on its way can never meet a newer template.
"""

from typing import Final

from pistegate_protocol.errors import CodecError
from pistegate_protocol.signing import Medium, MediumKind

TICKET_BYTES: Final = 6
HOLDER_BYTES: Final = TICKET_BYTES + 2
FINGERS_MAX: Final = 2**16 - 1  # of one ticket, one after the other


def holder_of(ticket: int, finger: int) -> bytes:
    """The name of finger `finger` (from 1) of a ticket; CodecError when either is out of range."""
    if not 0 <= ticket < 1 << 8 * TICKET_BYTES or not 1 <= finger <= FINGERS_MAX:
        raise CodecError(f"no finger {finger} of ticket {ticket}")
    return ticket.to_bytes(TICKET_BYTES, "big") + finger.to_bytes(2, "big")


def ticket_of(holder: bytes) -> int:
    """The ticket of a holder; CodecError for what is no such name."""
    if len(holder) != HOLDER_BYTES:
        raise CodecError(f"holder named by {len(holder)} bytes")
    return int.from_bytes(holder[:TICKET_BYTES], "big")


def medium_of(holder: bytes) -> Medium:
    """The medium that a finger's claim is bound to: of no use as a card or code, nor for another finger."""
    return Medium(MediumKind.FINGER, holder)
