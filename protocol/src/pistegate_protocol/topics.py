# SPDX-License-Identifier: Apache-2.0
"""MQTT topics: pistegate/1/SITE/ROLE/DEVICE/up and .../down."""

from dataclasses import dataclass
from enum import StrEnum

from pistegate_protocol.errors import CodecError

ALL_UP = "pistegate/1/+/+/+/up"
_ROOT = ["pistegate", "1"]


class Role(StrEnum):
    """What a device of a site is."""

    GATE = "gate"
    ENCODER = "encoder"


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
    parts = topic.split("/")
    if len(parts) != 6 or parts[:2] != _ROOT or parts[5] != "up" or parts[3] not in list(Role):
        raise CodecError(f"not an up topic: {topic[:80]}")
    if not (parts[2].isascii() and parts[2].isdigit() and parts[4].isascii() and parts[4].isdigit()):
        raise CodecError(f"not an up topic: {topic[:80]}")
    return Device(int(parts[2]), Role(parts[3]), int(parts[4]))
