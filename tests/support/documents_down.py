# SPDX-License-Identifier: Apache-2.0
"""Documents as devices get them from the cloud under test."""

from typing import Any, TypeVar

from pistegate_protocol.documents import Document, verify_document
from pistegate_protocol.messages import DOWN, SignedDocument
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.topics import Device, Role

D = TypeVar("D", bound=Document)
GATE_1 = Device(1, Role.GATE, 1)


def document_keys(cloud: Any) -> KeyRing:
    """The public half of the key that signs documents."""
    key = cloud.services.settings.documents
    return KeyRing({key.key_id: key.load().public_key().public_bytes_raw()})


def issuer_keys(cloud: Any) -> KeyRing:
    """The public half of the key that signs claims and amendments."""
    key = cloud.services.settings.issuer
    return KeyRing({key.key_id: key.load().public_key().public_bytes_raw()})


def opened(cloud: Any, site: int, messages: list[Any]) -> list[Document]:
    """The documents among messages, verified as a device of `site` does."""
    keys = document_keys(cloud)
    return [verify_document(message, keys, site) for message in messages if isinstance(message, SignedDocument)]


def pushed(cloud: Any, kind: type[D], device: Device = GATE_1) -> list[D]:
    """Documents of a kind that were sent to a device, in order."""
    messages = [DOWN.decode(payload) for topic, payload in cloud.wire.sent if topic == device.down]
    return [document for document in opened(cloud, device.site, messages) if isinstance(document, kind)]
