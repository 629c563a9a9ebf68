# SPDX-License-Identifier: Apache-2.0
"""The cloud's signed time: an answer to a device's own question, so that nobody in between can make it older.

The device draws a nonce and asks (messages.TimeAsked); the mark names device and nonce. An answer to a question that
is open tells the time within the question's round trip. Any other genuine mark, delayed or replayed, tells only that it
is at least so late. Whoever carries the messages can withhold an answer, and shift the time by no more than the
longest round trip that the device still accepts.
"""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Meta

from pistegate_protocol.codec import Codec, Record
from pistegate_protocol.documents import DocumentRefused
from pistegate_protocol.events import Count, Millis
from pistegate_protocol.messages import NONCE_BYTES, DeviceNumber, TimeTold
from pistegate_protocol.signing import KeyRing

TIME_MARK = "time"
"""The name under which a journal keeps one."""
TIME_MARK_MAX = 128  # bytes
_LABEL = b"pistegate time\x00"


class TimeMark(Record, frozen=True, tag=7):
    """It was `issued_at` in the cloud when it answered the question `nonce` of this device."""

    site: Count
    device: DeviceNumber
    nonce: Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
    issued_at: Millis


TIME_MARKS = Codec(TimeMark, TIME_MARK_MAX)


def sign_time(mark: TimeMark, key_id: int, key: Ed25519PrivateKey) -> TimeTold:
    """The mark as it travels, signed with the documents' key."""
    body = TIME_MARKS.encode(mark)
    return TimeTold(key_id, body, key.sign(_LABEL + body))


def verify_time(told: TimeTold, keys: KeyRing, site: int) -> TimeMark:
    """The mark, if it is genuine and of this site; DocumentRefused or CodecError otherwise.

    One to another device of the site is genuine too: it is at least so late.
    """
    if told.key_id not in keys:
        raise DocumentRefused(f"time signed with unknown key {told.key_id}: is this device's key list current?")
    if not keys.verify(told.key_id, told.signature, _LABEL + told.body):
        raise DocumentRefused("signature of the time is wrong")
    mark: TimeMark = TIME_MARKS.decode(told.body)
    if mark.site != site:
        raise DocumentRefused(f"time of site {mark.site}, this is site {site}")
    return mark
