# SPDX-License-Identifier: Apache-2.0
"""Devices with keys, as a cloud's tests play them: an authority in a folder, a gate that enrols and signs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pistegate_cloud.authority import files
from pistegate_cloud.authority.service import at
from pistegate_edge.enrolment.identity import request_pem
from pistegate_protocol.enrolment import (
    SignedRequest,
    authorization,
    batch_message,
    hello_message,
    request_message,
    sign,
)
from pistegate_protocol.events import next_head
from pistegate_protocol.messages import UP, Batch, Hello, SignedBatch, SignedHello
from pistegate_protocol.topics import Device


def new_authority(directory: Path, now_ms: int) -> Path:
    """An operator's authority."""
    files.make(directory, "Snow Valley", at(now_ms))
    return directory


@dataclass
class Keyed:
    """A device with a key."""

    device: Device
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def body(self) -> dict[str, Any]:
        """As bodies name a device."""
        return {"site": self.device.site, "role": self.device.role.value, "number": self.device.number}

    def csr(self) -> str:
        """Asks for a certificate."""
        return request_pem(self.key, self.device)

    def signed(self, message: tuple[str, bytes]) -> tuple[str, bytes]:
        """A batch or hello, signed."""
        topic, payload = message
        batch = UP.decode(payload)
        if isinstance(batch, Hello):
            told = (batch.device, batch.epoch, batch.at, batch.software, batch.documents, batch.state, batch.backlog)
            return topic, UP.encode(SignedHello(*told, sign(self.key, hello_message(self.device, payload))))
        assert isinstance(batch, Batch)
        head = batch.previous
        for each in batch.payloads:
            head = next_head(head, each)
        place = (batch.stream, batch.epoch, batch.first_seq)
        signature = sign(self.key, batch_message(self.device, *place, head))
        return topic, UP.encode(SignedBatch(batch.device, *place, batch.previous, batch.payloads, signature))

    def headers(self, method: str, path: str, now_ms: int, body: bytes = b"") -> dict[str, str]:
        """A signed request's."""
        signature = sign(self.key, request_message(self.device, method, path, body, now_ms))
        return {"Authorization": authorization(SignedRequest(self.device, now_ms, signature))}
