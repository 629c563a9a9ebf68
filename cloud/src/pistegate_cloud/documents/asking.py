# SPDX-License-Identifier: Apache-2.0
"""Whether a device is to send a document back: one whose version this database, restored from a backup, lacks."""

from collections.abc import Mapping
from typing import Final

from pistegate_cloud.documents import queries
from pistegate_cloud.gates import queries as gates
from pistegate_protocol.topics import Device

ANSWER_S: Final = 120.0  # a document of 1 MB needs 80 s at 100 kbit/s; who is silent for longer will not answer
# Versions that a database restored by a clock that is behind leaves free for those that it lost.
_JUMP: Final = 100_000
_VERSIONS_A_S: Final = 2  # nobody publishes as many all of the time; versions have 31 bits, which last until 2054
_BEGINNING_S: Final = 1_577_836_800  # 2020-01-01 UTC


def first_after(newest: int, now_ms: int) -> int:
    """The first version that a database restored now makes, whose newest is `newest`.

    By the clock, so that it is above whatever any earlier restore, of an older or a later backup, has made since.
    """
    by_clock = _VERSIONS_A_S * (now_ms // 1000 - _BEGINNING_S)
    return by_clock if by_clock > newest + 1 else newest + _JUMP


class Asking:
    """Which devices were asked for which document, and since when (monotonic)."""

    def __init__(self) -> None:
        self._since: dict[tuple[Device, str, int], float] = {}

    def patient(self, device: Device, name: str, version: int, now: float) -> bool:
        """Whether an answer is still to be waited for; the first call asks."""
        return now - self._since.setdefault((device, name, version), now) < ANSWER_S


async def not_to_push(site: int, name: str) -> set[Device]:
    """Devices that may have a version of this document which was lost here and did not come back.

    None is pushed over it, for it would be gone then: with it those denials, say, that only this device knows. Who has
    not said hello since the restore may have any version. At its hello each is asked, or sent what is newer.
    """
    rows = [row for row in await queries.lost(site) if row.name == name]
    if not rows:
        return set()
    back = await queries.recovered(site, name)
    known = 0 if back is None else back.version
    spared = set()
    for device, seen_ms, versions in await gates.told(site):
        version = versions.get(name, 0)
        lost = known < version and any(row.after < version < row.before for row in rows)
        if lost or seen_ms is None:
            spared.add(device)
    return spared


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
