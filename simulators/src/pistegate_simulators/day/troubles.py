# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on a simulated day: the gates' network is cut for a while, and one gate is killed once."""

import asyncio
from collections.abc import Callable

from pistegate_simulators.day.plan import Case, Skier, Turn
from pistegate_simulators.day.station import Station
from pistegate_simulators.network import Wire

_CUT_AT = 0.35  # fraction of the day
_KILL_AFTER = 0.5  # fraction of the victim's honest guests
_DEAD_S = 0.5  # how long the Pi is without power


async def cut_network(wire: Wire, day_s: float, cut_s: float, tell: Callable[[str], None]) -> None:
    """Cut the gates off for `cut_s`, some way into the day."""
    if cut_s <= 0:
        return
    await asyncio.sleep(day_s * _CUT_AT)
    wire.cut()
    tell(f"network cut for {cut_s:.0f} s: gates decide alone")
    try:
        await asyncio.sleep(cut_s)
    finally:
        wire.mend()
        tell("network back")


class Killer:
    """Kills one gate with its arm free for a guest: the worst moment; then starts it again."""

    def __init__(self, victim: Station, guests: list[Skier], tell: Callable[[str], None]) -> None:
        self.victim = victim
        self.open_at_kill = 0
        self._tell = tell
        honest = [skier for skier in guests if skier.case is Case.VALID]
        self._countdown = int(len(honest) * _KILL_AFTER)
        self._revival: asyncio.Task[None] | None = None

    async def on_free(self, station: Station, skier: Skier) -> None:
        """A guest's arm is free at `station`: pull the plug when the time has come."""
        if station is not self.victim or skier.turn is not Turn.PASS or self.victim.kills:
            return
        self._countdown -= 1
        if self._countdown > 0:
            return
        self.open_at_kill = 1
        await station.kill()
        self._tell(f"gate {station.number} lost power with its arm free")
        self._revival = asyncio.create_task(self._revive())

    async def settle(self) -> None:
        """Until the victim is in service again."""
        if self._revival:
            await self._revival

    async def _revive(self) -> None:
        await asyncio.sleep(_DEAD_S)
        await self.victim.start()
        self._tell(f"gate {self.victim.number} in service again")
