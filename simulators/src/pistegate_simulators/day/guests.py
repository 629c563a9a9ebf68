# SPDX-License-Identifier: Apache-2.0
"""What guests do at a lane: tap, look at the lamps, walk, or turn back; and what became of each."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pistegate_simulators.card import DesfireCard
from pistegate_simulators.day.plan import Skier, Turn
from pistegate_simulators.day.station import Station

_LAMP_S = 4.0  # a guest looks at the lamps so long, then takes the card away and tries again
_TRIES = 12  # a gate that was killed is back well before
_AGAIN_S = 0.6  # the card must leave the field for 500 ms before it counts as presented again


@dataclass(slots=True)
class Tale:
    """What one guest saw: `green` and `red` lamps, `rides` arms turned, `tries` without any lamp.

    `counted`: persons that the cloud counted through on this guest's ticket.
    """

    skier: Skier
    ticket: int = 0
    uid: bytes = b""
    green: int = 0
    red: int = 0
    rides: int = 0
    tries: int = 0
    counted: int = 0


@dataclass(slots=True)
class Slopes:
    """All guests' tales, and who wants to know when an arm is free (for those who pull plugs)."""

    tales: list[Tale] = field(default_factory=list)
    on_free: Callable[[Station, Skier], Awaitable[None]] | None = None

    async def visit(self, tale: Tale, card: DesfireCard, station: Station) -> None:
        """Queue at the lane, then try to get through as the skier's plan says."""
        skier = tale.skier
        async with station.queue:
            free = await self._tap(tale, card, station)
            if not free:
                return
            if self.on_free:
                await self.on_free(station, skier)
            if skier.turn is Turn.PASS:
                tale.rides += await station.lane.push(skier.turn_ms)
                return
            await self._wait_until_shut(station)
            if skier.turn is Turn.BACK_AND_AGAIN and await self._tap(tale, card, station):
                tale.rides += await station.lane.push(skier.turn_ms)

    async def _tap(self, tale: Tale, card: DesfireCard, station: Station) -> bool:
        """Hold the card to the reader until a lamp says something; whether the arm is free."""
        lane = station.lane
        await lane.seen(lambda at: not at.green and not at.refused, _LAMP_S)
        for _ in range(_TRIES):
            before = len(station.shown())
            station.reader.present(card)
            told = await lane.seen(lambda at: at.free or at.refused, _LAMP_S)
            if told and lane.free:
                station.reader.remove()
                tale.green += 1
                return True
            station.reader.remove()
            if told and not await station.asks_again(before):
                tale.red += 1
                return False
            tale.tries += 1
            await asyncio.sleep(_AGAIN_S)
        return False

    async def _wait_until_shut(self, station: Station) -> None:
        lane = station.lane
        seconds = lane.tripod.timeout_ms / 1000 + 3
        await lane.seen(lambda at: not at.free and not at.green, seconds)
