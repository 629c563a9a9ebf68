# SPDX-License-Identifier: Apache-2.0
"""What devices and the cloud say to each other over MQTT: one message per publish, two topics per device.

A device publishes on its `up` topic and reads its `down` topic; nobody relies on the broker's queues. Batches are
resent until the cloud's Ack, which is sent after its database commit.
"""

from typing import Annotated, Literal

from msgspec import Meta

from pistegate_protocol.codec import Codec, Record
from pistegate_protocol.events import EVENT_MAX, HEAD_BYTES, Count, Epoch, Millis, ShortText, Stream

MESSAGE_MAX = 1 << 20  # bytes; larger documents are tables, fetched by HTTPS (tables.py)
BATCH_EVENTS_MAX = 200
APDU_MAX = 300  # bytes of one command or response, ISO-DEP frame limit included
RELAY_APDUS_MAX = 32
NONCE_BYTES = 8

Head = Annotated[bytes, Meta(min_length=HEAD_BYTES, max_length=HEAD_BYTES)]
Payload = Annotated[bytes, Meta(min_length=1, max_length=EVENT_MAX)]
Apdu = Annotated[bytes, Meta(min_length=1, max_length=APDU_MAX)]
DeviceNumber = Annotated[int, Meta(ge=1, lt=2**16)]


class Hello(Record, frozen=True, tag=1):
    """Up: who is here, in which epoch, what it has. Sent at connect, after applying a document, and every 30 s.

    `documents`: name -> version applied. `state`: a gate state such as "in_service" or "out_of_service: reader".
    `backlog`: events not yet acknowledged.
    """

    device: DeviceNumber
    epoch: Epoch
    at: Millis
    software: ShortText
    documents: dict[ShortText, Count]
    state: ShortText
    backlog: Count


class SignedHello(Hello, frozen=True, tag=9):
    """Up: the hello of an enrolled device, signed by its key (enrolment.hello_message over `plain`, encoded)."""

    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]

    def plain(self) -> Hello:
        """What was signed."""
        return Hello(self.device, self.epoch, self.at, self.software, self.documents, self.state, self.backlog)


class Batch(Record, frozen=True, tag=2):
    """Up: consecutive events of one epoch of one stream, from `first_seq`; `previous` is the chain head before them."""

    device: DeviceNumber
    stream: Stream
    epoch: Epoch
    first_seq: Annotated[int, Meta(ge=1, lt=2**32)]
    previous: Head
    payloads: Annotated[list[Payload], Meta(min_length=1, max_length=BATCH_EVENTS_MAX)]


class SignedBatch(Batch, frozen=True, tag=8):
    """Up: a batch of an enrolled device, signed by its key (enrolment.batch_message)."""

    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Ack(Record, frozen=True, tag=3):
    """Down: everything of (`stream`, `epoch`) up to `seq`, where the chain's head is `head`, is stored for good.

    seq 0: nothing of this epoch is stored yet. `generation` changes when the cloud was restored from a backup.
    """

    stream: Stream
    epoch: Epoch
    seq: Count
    head: Head
    generation: Count


class SignedDocument(Record, frozen=True, tag=4):
    """Down: a signed, versioned document; `body` is encoded by documents.DOCUMENTS; the signature covers it."""

    key_id: Count
    body: bytes
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Notice(Record, frozen=True, tag=5):
    """Down: something the device's screen and log should tell, as `code` (texts: notice.CODE) and detail."""

    code: ShortText
    detail: ShortText


class RelayRequest(Record, frozen=True, tag=6):
    """Down, to an encoder: run these command APDUs in order on the card in the field, stop at the first bad status.

    `session` is chosen by the cloud, `number` counts requests of a session from 1; number 1 with no APDUs asks for a
    card: the encoder answers with its UID, waiting up to `wait_ms`.
    """

    session: Epoch
    number: Annotated[int, Meta(ge=1, lt=2**16)]
    apdus: Annotated[list[Apdu], Meta(max_length=RELAY_APDUS_MAX)]
    wait_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    final: bool = False
    """The last request of the session: release the card afterwards."""


RelayError = Literal["", "no_card", "card_lost", "reader_lost", "busy", "unknown_session"]


class RelayResponse(Record, frozen=True, tag=7):
    """Up, from an encoder: the responses got (fewer than asked after a bad status or an error), and the card's UID."""

    device: DeviceNumber
    session: Epoch
    number: Annotated[int, Meta(ge=1, lt=2**16)]
    uid: Annotated[bytes, Meta(max_length=10)]
    responses: Annotated[list[Apdu], Meta(max_length=RELAY_APDUS_MAX)]
    error: RelayError = ""


class TimeAsked(Record, frozen=True, tag=12):
    """Up: what time is it? `nonce`: drawn anew for each question; the answer names it."""

    device: DeviceNumber
    nonce: Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]


class TimeTold(Record, frozen=True, tag=13):
    """Down: the answer; `body` is encoded by time_marks.TIME_MARKS; the signature covers it."""

    key_id: Count
    body: Annotated[bytes, Meta(max_length=128)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class DocumentWanted(Record, frozen=True, tag=14):
    """Down: send the document of this name back (HeldDocument): the cloud was restored from a backup without it."""

    name: ShortText


class HeldDocument(Record, frozen=True, tag=15):
    """Up: a document in force at a device, as the cloud signed it; its content is believed by that signature alone."""

    device: DeviceNumber
    key_id: Count
    body: bytes
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Forgotten(Record, frozen=True, tag=16):
    """Up: of (`stream`, `epoch`) events before `first_seq` are here no more; `head` is the chain's head before that.

    Told to a cloud that acknowledged less than this device has forgotten: restored from a backup older than events are
    kept. `signature`: by an enrolled device's key (enrolment.forgotten_message), else empty.
    """

    device: DeviceNumber
    stream: Stream
    epoch: Epoch
    first_seq: Annotated[int, Meta(ge=2, lt=2**32)]
    head: Head
    signature: Annotated[bytes, Meta(max_length=64)] = b""


Up = Hello | Batch | RelayResponse | SignedBatch | SignedHello | TimeAsked | HeldDocument | Forgotten
Down = Ack | SignedDocument | Notice | RelayRequest | TimeTold | DocumentWanted

UP = Codec(Up, MESSAGE_MAX, packed=True)
DOWN = Codec(Down, MESSAGE_MAX)
