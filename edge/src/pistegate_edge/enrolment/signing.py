# SPDX-License-Identifier: Apache-2.0
"""What a device signs with its key: its hellos and batches, and its requests to the cloud's HTTP API."""

from msgspec.structs import replace

from pistegate_edge.enrolment.identity import Identity
from pistegate_protocol.enrolment import (
    SignedRequest,
    authorization,
    batch_message,
    forgotten_message,
    hello_message,
    request_message,
    sign,
)
from pistegate_protocol.events import next_head
from pistegate_protocol.messages import UP, Batch, Forgotten, Hello, SignedBatch, SignedHello

Told = Batch | Forgotten | Hello


def signed(message: Told, identity: Identity) -> Told:
    """What a device tells of itself and its chains, signed."""
    if isinstance(message, Batch):
        return signed_batch(message, identity)
    return signed_hello(message, identity) if isinstance(message, Hello) else signed_forgotten(message, identity)


def signed_hello(hello: Hello, identity: Identity) -> SignedHello:
    """The same hello, signed."""
    signature = sign(identity.key, hello_message(identity.device, UP.encode(hello)))
    told = (hello.device, hello.epoch, hello.at, hello.software, hello.documents, hello.state, hello.backlog)
    return SignedHello(*told, signature)


def signed_batch(batch: Batch, identity: Identity) -> SignedBatch:
    """The same batch, signed. Costs 16 us on a PC; some 0.5 ms on a Pi 3 are to be expected."""
    head = batch.previous
    for payload in batch.payloads:
        head = next_head(head, payload)
    message = batch_message(identity.device, batch.stream, batch.epoch, batch.first_seq, head)
    return SignedBatch(
        batch.device,
        batch.stream,
        batch.epoch,
        batch.first_seq,
        batch.previous,
        batch.payloads,
        sign(identity.key, message),
    )


def signed_forgotten(message: Forgotten, identity: Identity) -> Forgotten:
    """The same message, signed."""
    text = forgotten_message(identity.device, message.stream, message.epoch, message.first_seq, message.head)
    return replace(message, signature=sign(identity.key, text))


def signed_headers(method: str, path: str, identity: Identity, now_ms: int, body: bytes = b"") -> dict[str, str]:
    """Headers that say who asks. `path`: as sent, with its query; `now_ms`: wall time, milliseconds since 1970 UTC.

    The cloud believes a request 5 minutes long. Where the gate's clock is wrong, `http.ask` takes the cloud's time
    from the refusal and asks once more.
    """
    message = request_message(identity.device, method, path, body, now_ms)
    request = SignedRequest(identity.device, now_ms, sign(identity.key, message))
    return {"Authorization": authorization(request)}
