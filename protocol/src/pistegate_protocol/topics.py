# SPDX-License-Identifier: Apache-2.0
"""MQTT topics: pistegate/1/SITE/ROLE/DEVICE/up and .../down; of the site's hub, .../from/GATE, .../to/GATE, .../all."""

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
    HUB = "hub"
    """Speaks to the gates of its site on the site's own broker."""


# One spelling per device: no leading zeros.
_TO_CLOUD = [role for role in Role if role is not Role.HUB]
_UP = re.compile(rf"pistegate/1/(0|[1-9][0-9]{{0,9}})/({'|'.join(_TO_CLOUD)})/([1-9][0-9]{{0,4}})/up")


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


# Between gates and hub, on the site's own broker: one pair of topics per gate, and one that all gates read. Their last
# level alone is the gate's number, so that a broker can be told by one pattern who may use which (%u).
_HUB_UP = re.compile(r"pistegate/1/(0|[1-9][0-9]{0,9})/hub/([1-9][0-9]{0,4})/from/([1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Hub:
    """The hub of a site, by its device number."""

    site: int
    number: int

    @property
    def all_up(self) -> str:
        """What the hub reads."""
        return f"{self._base}/from/+"

    @property
    def hail(self) -> str:
        """What every gate reads."""
        return f"{self._base}/all"

    def up(self, gate: int) -> str:
        """Where a gate publishes."""
        return f"{self._base}/from/{gate}"

    def down(self, gate: int) -> str:
        """What a gate reads."""
        return f"{self._base}/to/{gate}"

    def gate_of(self, topic: str) -> int:
        """The gate whose `up` topic this is; CodecError for any other."""
        found = _HUB_UP.fullmatch(topic)
        if found is None or (int(found[1]), int(found[2])) != (self.site, self.number):
            raise CodecError(f"not a gate's topic: {topic[:80]}")
        return int(found[3])

    @property
    def _base(self) -> str:
        return f"pistegate/1/{self.site}/hub/{self.number}"
