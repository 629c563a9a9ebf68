# SPDX-License-Identifier: Apache-2.0
"""Whether a device is to send a document back: one whose version this database, restored from a backup, lacks."""

from collections.abc import Mapping
from typing import Final

from pistegate_cloud.documents import queries
from pistegate_protocol.topics import Device

ANSWER_S: Final = 120.0  # a document of 1 MB needs 80 s at 100 kbit/s; who is silent for longer will not answer
# Versions that a restored database leaves free for those that it lost: a season has thousands of one document.
JUMP: Final = 100_000
_BEGINNING_S: Final = 1_577_836_800  # 2020-01-01 UTC; versions have 31 bits, which last until 2088


def jump_from(now_ms: int) -> int:
    """The first version that a database restored now makes, where that leaves enough free: seconds since 2020."""
    return max(0, now_ms // 1000 - _BEGINNING_S)


class Asking:
    """Which devices were asked for which document, and since when (monotonic)."""

    def __init__(self) -> None:
        self._since: dict[tuple[Device, str, int], float] = {}

    def patient(self, device: Device, name: str, version: int, now: float) -> bool:
        """Whether an answer is still to be waited for; the first call asks."""
        return now - self._since.setdefault((device, name, version), now) < ANSWER_S


async def wanted(device: Device, told: Mapping[str, int], asking: Asking, now: float) -> list[str]:
    """Names of the documents that the device has in a version that was lost here, and that did not come back yet."""
    names = []
    for row in await queries.lost(device.site):
        version = told.get(row.name, 0)
        if not row.after < version < row.before:
            continue
        back = await queries.recovered(device.site, row.name)
        if (back is None or back.version < version) and asking.patient(device, row.name, version, now):
            names.append(row.name)
    return names
