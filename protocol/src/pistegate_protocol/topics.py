# SPDX-License-Identifier: Apache-2.0
"""MQTT topics: pistegate/1/SITE/ROLE/DEVICE/up and .../down."""

import re
from dataclasses import dataclass
from enum import StrEnum

from pistegate_protocol.errors import CodecError

ALL_UP = "pistegate/1/+/+/+/up"


class Role(StrEnum):
    """What a device of a site is."""

    GATE = "gate"
    ENCODER = "encoder"
    TILL = "till"
    INSPECT = "inspect"


# One spelling per device: no leading zeros.
_UP = re.compile(rf"pistegate/1/(0|[1-9][0-9]{{0,9}})/({'|'.join(Role)})/([1-9][0-9]{{0,4}})/up")


@dataclass(frozen=True, slots=True)
class Device:
    """A device's address: site number, role, device number (unique in the site)."""

    site: int
    role: Role
    number: int

    @property
    def up(self) -> str:
        """Where the device publishes."""
        return f"pistegate/1/{self.site}/{self.role}/{self.number}/up"

    @property
    def down(self) -> str:
        """What the device reads."""
        return f"pistegate/1/{self.site}/{self.role}/{self.number}/down"


def device_of(topic: str) -> Device:
    """The device whose `up` topic this is; CodecError for any other topic."""
    found = _UP.fullmatch(topic)
    if found is None:
        raise CodecError(f"not an up topic: {topic[:80]}")
    return Device(int(found[1]), Role(found[2]), int(found[3]))
