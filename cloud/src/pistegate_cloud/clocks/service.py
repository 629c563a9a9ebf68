# SPDX-License-Identifier: Apache-2.0
"""The cloud's time for a device that asks: signed, naming device and question."""

from pistegate_cloud.settings import SigningKey
from pistegate_protocol.messages import DOWN, TimeAsked
from pistegate_protocol.time_marks import TimeMark, sign_time
from pistegate_protocol.topics import Device


def answer(device: Device, asked: TimeAsked, key: SigningKey, now_ms: int) -> bytes:
    """The message down. `now_ms` is read after the question came: the device reckons with that."""
    mark = TimeMark(device.site, device.number, asked.nonce, now_ms)
    return DOWN.encode(sign_time(mark, key.key_id, key.load()))
