# SPDX-License-Identifier: Apache-2.0
"""What a gate's conversation with the hub tells the gate. Pure."""

from dataclasses import dataclass

from pistegate_protocol.elsewhere import Elsewhere
from pistegate_protocol.hub_messages import Offer


@dataclass(frozen=True, slots=True)
class Reserved:
    """Reservation `number` holds; this is all that the hub knows of the ticket."""

    number: int
    elsewhere: Elsewhere
    offer: Offer | None


@dataclass(frozen=True, slots=True)
class NotReserved:
    """The hub will not reserve `number`."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Taken:
    """The hub has stored the owed entries of these admissions: they are its own once the gate let go of them."""

    names: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ServiceChanged:
    """Whether the hub serves this gate, or how many gates it serves."""


HubTold = Reserved | NotReserved | Taken | ServiceChanged
