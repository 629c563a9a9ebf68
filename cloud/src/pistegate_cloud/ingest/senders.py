# SPDX-License-Identifier: Apache-2.0
"""Whom the cloud hears: devices in use, under their own role, with batches signed by the key that they have now.

What is known of devices is kept in memory until it changes anywhere: a counter in the database, read with every group
of messages, says so. A revocation is therefore in force at the first message that is taken after its commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from pistegate_cloud.authority import queries as keys
from pistegate_cloud.authority.models import DeviceKey
from pistegate_cloud.gates import queries as gates
from pistegate_protocol.enrolment import batch_message, forgotten_message, hello_message, public_key, verify
from pistegate_protocol.messages import UP, Batch, Forgotten, Hello, SignedBatch, SignedHello
from pistegate_protocol.topics import Device, Role

Address = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Sender:
    """What is known of a device number: `role` None: not registered. `active`: its key; `ended`: state and key."""

    role: Role | None
    retired: bool = False
    active: EllipticCurvePublicKey | None = None
    ended: tuple[tuple[str, EllipticCurvePublicKey], ...] = ()

    def refuses(self, device: Device) -> str | None:
        """Why nothing of this device is heard (Refused.reason); None: it is."""
        if self.role is None:
            return "unknown_device"
        if self.role is not device.role:
            return "wrong_role"
        if self.retired:
            return "retired_device"
        if self.active is None and any(state == "revoked" for state, _ in self.ended):
            return "revoked_device"
        return None

    def doubts(self, device: Device, batch: Batch, head: bytes, *, unsigned: bool) -> str | None:
        """Why this batch, after which its chain's head is `head`, is not believed.

        `unsigned`: devices that were never enrolled may send without signature.
        """
        if not isinstance(batch, SignedBatch):
            return None if unsigned and self.active is None and not self.ended else "unsigned"
        message = batch_message(device, batch.stream, batch.epoch, batch.first_seq, head)
        if self.active is not None and verify(self.active, batch.signature, message):
            return None
        made_by = (state for state, key in self.ended if verify(key, batch.signature, message))
        return {"revoked": "revoked_device", "replaced": "replaced_device"}.get(next(made_by, ""), "bad_signature")

    def doubts_hello(self, device: Device, hello: Hello, *, unsigned: bool) -> str | None:
        """As `doubts`: a false hello could say that this device has told everything."""
        if not isinstance(hello, SignedHello):
            return None if unsigned and self.active is None and not self.ended else "unsigned"
        text = hello_message(device, UP.encode(hello.plain()))
        return None if self.active is not None and verify(self.active, hello.signature, text) else "bad_signature"

    def doubts_forgotten(self, device: Device, message: Forgotten, *, unsigned: bool) -> bool:
        """Whether a message about the beginning of a chain is not believed."""
        if not message.signature:
            return not (unsigned and self.active is None and not self.ended)
        text = forgotten_message(device, message.stream, message.epoch, message.first_seq, message.head)
        return self.active is None or not verify(self.active, message.signature, text)


class Senders:
    """Senders by (site, number), as of the newest `change`."""

    def __init__(self) -> None:
        self._known: dict[Address, Sender] = {}
        self._change: int | None = None

    async def of(self, addresses: Iterable[Address], change: int) -> dict[Address, Sender]:
        """All of them; an address that nobody has is not registered. Strangers are asked for each time."""
        if change != self._change:
            self._known, self._change = {}, change
        wanted = set(addresses)
        if unknown := wanted - self._known.keys():
            self._known |= await _asked(unknown)
        return {address: self._known.get(address, Sender(None)) for address in wanted}


async def _asked(addresses: set[Address]) -> dict[Address, Sender]:
    registered = await gates.registered(addresses)
    held = await keys.keys_at(registered)
    return {
        address: _sender(role, retired, [key for key in held.get(address, []) if key.role == role.value])
        for address, (role, retired) in registered.items()
    }


def _sender(role: Role, retired: bool, held: list[DeviceKey]) -> Sender:
    read = [(key.state, public_key(bytes.fromhex(key.public))) for key in held]
    active = next((key for state, key in read if state == "active"), None)
    return Sender(role, retired, active, tuple((state, key) for state, key in read if state != "active"))
