# SPDX-License-Identifier: Apache-2.0
"""What gates and their hub say to each other: bounded, of one version, and each gate on a topic of its own."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.events import EVENT_MAX
from pistegate_protocol.hub_messages import (
    FROM_HUB,
    HELD_MAX,
    HUB_MESSAGE_MAX,
    REPORT_EVENTS_MAX,
    SPANS_MAX,
    TO_HUB,
    Grant,
    Hail,
    Join,
    OwedTold,
    Ping,
    Report,
    Reserve,
    Span,
    Standing,
    Welcome,
)
from pistegate_protocol.topics import Hub, device_of

STANDING = Standing(2**63 - 1, 2**32 - 1, 2**32 - 1, [b"admitted"] * HELD_MAX)


@pytest.mark.parametrize(
    "message",
    [
        Join(STANDING, [65535] * 64, True, [Span(2**63 - 1, 1, 2**32 - 1, 2**32 - 1)] * SPANS_MAX),
        Report(
            STANDING,
            2**63 - 1,
            1,
            [bytes(EVENT_MAX)] * REPORT_EVENTS_MAX,
            [OwedTold(b"admitted", 2**48 - 1, 255, 120_000)] * HELD_MAX,
        ),
    ],
    ids=lambda message: type(message).__name__,
)
def test_the_longest_message_there_can_be_is_carried(message: Join | Report) -> None:
    """A gate with the most of everything still has a hub."""
    data = TO_HUB.encode(message)
    assert len(data) <= HUB_MESSAGE_MAX
    assert TO_HUB.decode(data) == message


@pytest.mark.parametrize(
    "message",
    [
        Ping(Standing(1, 1, 1, [b"admitted"] * (HELD_MAX + 1)), 1),
        Ping(Standing(1, 1, 1, [b"short"]), 1),
        Ping(Standing(1, 1, 1, []), 0),
        Reserve(Standing(1, 1, 1, []), 1, 2**48, 1, b""),
        Reserve(Standing(1, 1, 1, []), 1, 1, 256, b""),
        Reserve(Standing(1, 1, 1, []), 1, 1, 1, bytes(17)),
        Join(Standing(1, 1, 1, []), [1], False, []),
        Report(Standing(1, 1, 1, []), 1, 1, [], []),
        Report(Standing(1, 1, 1, []), 1, 1, [bytes(EVENT_MAX + 1)], []),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_out_of_range_are_refused(message: Join | Report | Reserve | Ping) -> None:
    """One limit exceeded in each."""
    with pytest.raises(CodecError):
        TO_HUB.encode(message)


def test_hub_says_no_more_than_it_may() -> None:
    """Nor less than everything: a grant tells something, if only that nothing is known."""
    for message in (Grant(1, 1, 1, 1, b""), Welcome(1, [(1, 1)] * (SPANS_MAX + 1))):
        with pytest.raises(CodecError):
            FROM_HUB.encode(message)


@given(st.binary(max_size=60))
def test_whatever_arrives_is_a_message_or_refused(data: bytes) -> None:
    """No other exception escapes."""
    for codec in (TO_HUB, FROM_HUB):
        with contextlib.suppress(CodecError):
            codec.decode(b"\x01" + data)


def test_another_version_is_told_apart_from_garbage() -> None:
    """The remedy is an update of this side."""
    with pytest.raises(UnknownVersion):
        FROM_HUB.decode(b"\x02" + FROM_HUB.encode(Hail(1))[1:])


def test_each_gate_has_its_topic_and_the_cloud_none_of_them() -> None:
    """A hub knows a gate by the topic that the broker let it use; to the cloud it is no device."""
    hub = Hub(3, 9)
    assert hub.gate_of(hub.up(17)) == 17
    assert hub.all_up == "pistegate/1/3/hub/9/from/+"
    for topic in (hub.down(17), hub.hail, Hub(4, 9).up(17), Hub(3, 8).up(17), "pistegate/1/3/hub/9/from/017"):
        with pytest.raises(CodecError):
            hub.gate_of(topic)
    for topic in (hub.up(17), "pistegate/1/3/hub/9/up"):
        with pytest.raises(CodecError):
            device_of(topic)
