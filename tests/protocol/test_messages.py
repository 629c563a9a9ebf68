# SPDX-License-Identifier: Apache-2.0
"""Messages between devices and the cloud, and the topics they travel on."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.codec import Record
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.events import EVENT_MAX, Stream
from pistegate_protocol.messages import (
    APDU_MAX,
    BATCH_EVENTS_MAX,
    DOWN,
    RELAY_APDUS_MAX,
    UP,
    Ack,
    Batch,
    DocumentWanted,
    HeldDocument,
    Hello,
    Notice,
    RelayRequest,
    RelayResponse,
    SignedDocument,
    TimeAsked,
    TimeTold,
)
from pistegate_protocol.topics import ALL_UP, Device, Role, device_of

HEAD = bytes(range(32))
UPWARD: list[Record] = [
    Hello(1, 2**63 - 1, 1, "0.1.0", {"deny_list": 7}, "in_service", 200_000),
    Batch(65535, Stream.NOTES, 5, 2**32 - 1, HEAD, [b"\x01"]),
    Batch(1, Stream.LEDGER, 5, 1, HEAD, [bytes(EVENT_MAX)] * BATCH_EVENTS_MAX),
    RelayResponse(1, 0, 1, b"", [], "no_card"),
    TimeAsked(1, bytes(8)),
    HeldDocument(1, 7, bytes(100_000), bytes(64)),
    RelayResponse(1, 9, 65535, bytes(10), [bytes(APDU_MAX)] * RELAY_APDUS_MAX),
]
DOWNWARD: list[Record] = [
    Ack(Stream.LEDGER, 5, 0, HEAD, 1),
    SignedDocument(7, bytes(100_000), bytes(64)),
    Notice("identity_twice", "另一台设备"),
    TimeTold(7, bytes(128), bytes(64)),
    DocumentWanted("deny_list"),
    RelayRequest(9, 1, [], 60_000),
    RelayRequest(9, 2, [b"\x90"], final=True),
]


@pytest.mark.parametrize("message", UPWARD, ids=lambda message: type(message).__name__)
def test_every_message_up_comes_back(message: Record) -> None:
    """At the smallest and the largest that each may be; none travels on the other topic."""
    assert UP.decode(UP.encode(message)) == message
    with pytest.raises(UnknownVersion):
        DOWN.decode(UP.encode(message))


@pytest.mark.parametrize("message", DOWNWARD, ids=lambda message: type(message).__name__)
def test_every_message_down_comes_back(message: Record) -> None:
    """The same for the other direction."""
    assert DOWN.decode(DOWN.encode(message)) == message
    with pytest.raises(UnknownVersion):
        UP.decode(DOWN.encode(message))


@pytest.mark.parametrize(
    "message",
    [
        Batch(0, Stream.LEDGER, 5, 1, HEAD, [b"\x01"]),
        Batch(65536, Stream.LEDGER, 5, 1, HEAD, [b"\x01"]),
        Batch(1, Stream.LEDGER, 5, 0, HEAD, [b"\x01"]),
        Batch(1, Stream.LEDGER, 5, 1, HEAD[1:], [b"\x01"]),
        Batch(1, Stream.LEDGER, 5, 1, HEAD, []),
        Batch(1, Stream.LEDGER, 5, 1, HEAD, [b""]),
        Batch(1, Stream.LEDGER, 5, 1, HEAD, [b"\x01"] * (BATCH_EVENTS_MAX + 1)),
        Batch(1, Stream.LEDGER, 5, 1, HEAD, [bytes(EVENT_MAX + 1)]),
        Batch(1, 3, 5, 1, HEAD, [b"\x01"]),  # type: ignore[arg-type]
        RelayResponse(1, 9, 1, bytes(11), []),
        RelayResponse(1, 9, 1, b"", [bytes(APDU_MAX + 1)]),
        RelayResponse(1, 9, 1, b"", [], "broken"),  # type: ignore[arg-type]
        RelayRequest(9, 1, [], 60_001),
        RelayRequest(9, 1, [b"\x90"] * (RELAY_APDUS_MAX + 1)),
        SignedDocument(7, b"", bytes(63)),
        Ack(Stream.LEDGER, 5, -1, HEAD, 1),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_out_of_range_are_refused(message: Record) -> None:
    """One limit exceeded in each."""
    for codec in (UP, DOWN):
        with pytest.raises(CodecError):
            codec.encode(message)


@given(st.integers(0, 2**32 - 1), st.sampled_from([r for r in Role if r is not Role.HUB]), st.integers(1, 65535))
def test_a_device_is_known_by_its_topic(site: int, role: Role, number: int) -> None:
    """Where it publishes, which is what the subscription covers; what it reads is another topic."""
    device = Device(site, role, number)
    assert device_of(device.up) == device
    pattern, topic = ALL_UP.split("/"), device.up.split("/")
    assert all(want in ("+", got) for want, got in zip(pattern, topic, strict=True))
    with pytest.raises(CodecError):
        device_of(device.down)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "pistegate/1/3/gate/17",
        "pistegate/1/3/gate/17/up/",
        "/pistegate/1/3/gate/17/up",
        "pistegate/2/3/gate/17/up",
        "pistegate/1/3/turnstile/17/up",
        "pistegate/1/3/GATE/17/up",
        "pistegate/1/03/gate/17/up",
        "pistegate/1/3/gate/017/up",
        "pistegate/1/3/gate/0/up",
        "pistegate/1/-3/gate/17/up",
        "pistegate/1/3/gate/1_7/up",
        "pistegate/1/3/gate/١٧/up",
        "pistegate/1/3/gate/17/up\n",
        "pistegate/1/+/gate/17/up",
        f"pistegate/1/{'9' * 5000}/gate/17/up",
        f"pistegate/1/3/gate/{'9' * 5000}/up",
    ],
    ids=lambda topic: topic[:40],
)
def test_any_other_topic_is_refused(topic: str) -> None:
    """One spelling per device: a second one would be a second identity. Endless digits are not computed."""
    with pytest.raises(CodecError):
        device_of(topic)


@given(st.text(max_size=60))
def test_random_topics_never_raise_anything_but_codec_error(text: str) -> None:
    """Anybody may publish anything."""
    for topic in (text, f"pistegate/1/{text}/gate/{text}/up"):
        with contextlib.suppress(CodecError):
            assert device_of(topic).up == topic
