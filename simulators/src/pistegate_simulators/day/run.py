# SPDX-License-Identifier: Apache-2.0
"""The day itself: sells on the eve and all day, lets guests come, makes trouble, then compares all the books."""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.day import media
from pistegate_simulators.day.guests import Slopes, Tale
from pistegate_simulators.day.office import Office
from pistegate_simulators.day.plan import EARLY, Case, Skier, plan_day
from pistegate_simulators.day.reckoning import GateCount, Reckoning
from pistegate_simulators.day.settings import EVE, OPENS, SITE, ZONE, DaySettings
from pistegate_simulators.day.station import Station
from pistegate_simulators.day.troubles import Killer, cut_network
from pistegate_simulators.day.world import World

_LEAD_S = 1.0  # a guest comes to the box office so long before the lane
_KNOWN_S = 15.0  # a revocation reaches connected gates well within this
_DRAIN_S = 60.0  # a backlog of a whole day is reported well within this
_SWITCH_S = 0.0005  # reader threads answer a host that waits 100 ms at most (nfcpy), beside a busy event loop
_VISIT = OPENS.astimezone(ZONE).date()
_EVE_DAY = EVE.astimezone(ZONE).date()


@dataclass(slots=True)
class Progress:
    """What a viewer may show while the day runs."""

    total: int
    done: int = 0
    stage: str = "starting"
    news: list[str] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def enter(self, stage: str) -> None:
        """The next stage begins; how long the one before took is kept, in seconds."""
        now = time.monotonic()
        self.stages[self.stage] = round(now - self._since, 1)
        self.stage, self._since = stage, now

    def tell(self, sentence: str) -> None:
        """Something happened."""
        self.news.append(sentence)


# How the night goes by: to so long before the lifts open, in so many seconds. The last part is slow, to hit the time.
NIGHT = ((timedelta(minutes=20), 1.0), (timedelta(seconds=10), 0.5), (timedelta(0), 0.2))


class Day:
    """One simulated day in a `World`."""

    def __init__(self, world: World, progress: Progress) -> None:
        self.world = world
        self.progress = progress
        self.settings: DaySettings = world.settings
        self.skiers = plan_day(self.settings.skiers, self.settings.gate_areas, self.settings.seed)
        self.slopes = Slopes()
        self.office = Office(world.api, world.windows)
        self._rng = Random(f"cards {self.settings.seed}")
        replaced = sum(skier.case is Case.REPLACED for skier in self.skiers)
        self._delivery = [
            stock.personalised_card(self._rng, world.keys.card) for _ in range(len(self.skiers) + replaced)
        ]
        self._stock = iter(self._delivery)
        self._cards: dict[int, DesfireCard] = {}
        self._killer = self._choose_victim() if self.settings.kill else None

    async def run(self) -> None:
        """From the eve to the last guest home."""
        await self.office.learn_prices()
        await self.office.take_into_stock(self._delivery)
        tales = {skier.number: Tale(skier) for skier in self.skiers}
        self.slopes.tales = list(tales.values())
        self.progress.enter("the eve")
        await self._sell_first(tales)
        self.progress.enter("the day")
        self.world.time.slow_down(self.settings.rate)
        started = time.monotonic()
        trouble = cut_network(self.world.wire, self.settings.seconds, self.settings.cut_seconds, self.progress.tell)
        async with asyncio.TaskGroup() as group:
            group.create_task(trouble)
            group.create_task(self._end_of_day(started))
            for skier in self.skiers:
                group.create_task(self._come(tales[skier.number], started))
        if self._killer:
            await self._killer.settle()

    async def _until_morning(self) -> None:
        """The night runs by fast: a clock that jumped would be in doubt at the gates."""
        for until, seconds in NIGHT:
            left = (OPENS - until - self.world.time.now()).total_seconds()
            if left > 0:
                self.world.time.slow_down(left / seconds)
                await asyncio.sleep(seconds)
        self.world.time.slow_down(1.0)

    async def _sell_first(self, tales: dict[int, Tale]) -> None:
        """Yesterday's tickets, and those of whom the gates must have heard before the network is cut."""
        await asyncio.gather(*(self._buy(tales[skier.number]) for skier in self._with(Case.EXPIRED)))
        await self._until_morning()
        early = self._with(*EARLY)
        await asyncio.gather(*(self._buy(tales[skier.number]) for skier in early))
        for skier in self._with(Case.REVOKED):
            await self.office.revoke(tales[skier.number].ticket)
        for skier in self._with(Case.LOST, Case.REPLACED):
            await self.office.report_lost(self._cards[skier.number])
        for skier in self._with(Case.REPLACED):
            await self._replace(tales[skier.number])
        if early:
            lost = len(self._with(Case.LOST, Case.REPLACED))
            denied = len(self._with(Case.REVOKED)) + lost + len(self._with(Case.REPLACED))
            await self._known({"deny_list": denied, "lost_cards": lost})

    def _with(self, *cases: Case) -> list[Skier]:
        return [skier for skier in self.skiers if skier.case in cases]

    async def _replace(self, tale: Tale) -> None:
        """The guest of a lost card gets another one."""
        lost, card = self._cards[tale.skier.number], next(self._stock)
        await self.office.replace(lost, card)
        self._cards[tale.skier.number], tale.uid = card, card.uid

    async def _known(self, versions: dict[str, int]) -> None:
        """Until every gate says that it has these versions of documents, or newer ones."""
        async with asyncio.timeout(_KNOWN_S):
            while True:
                told = [gate["status"]["documents"] for gate in await self._items("/gates")]
                if all(each.get(name, 0) >= version for each in told for name, version in versions.items()):
                    return
                await asyncio.sleep(0.05)

    async def _items(self, path: str) -> list[dict[str, Any]]:
        answer = await self.world.api.get(path, site=SITE)
        items: list[dict[str, Any]] = answer["items"] if isinstance(answer, dict) else answer
        return items

    async def _come(self, tale: Tale, started: float) -> None:
        arrival = started + tale.skier.arrival * self.settings.seconds
        await asyncio.sleep(max(0.0, arrival - _LEAD_S - time.monotonic()))
        if not tale.ticket:
            await self._buy(tale)
        await asyncio.sleep(max(0.0, arrival - time.monotonic()))
        await self.slopes.visit(tale, self._cards[tale.skier.number], self.world.stations[tale.skier.gate])
        self.progress.done += 1

    async def _buy(self, tale: Tale) -> None:
        skier = tale.skier
        card = next(self._stock)
        self._cards[skier.number] = card
        tale.uid = card.uid
        visit = _EVE_DAY if skier.case is Case.EXPIRED else _VISIT
        tale.ticket = await self.office.sell(skier.product, visit, card)
        if skier.case is Case.USED_UP:
            media.use_up(card)
        elif skier.case is Case.FORGED:
            media.forge(card, self._rng)

    async def _end_of_day(self, started: float) -> None:
        """Late guests do not make it midnight: after the last arrival time runs as usual."""
        await asyncio.sleep(max(0.0, started + self.settings.seconds - time.monotonic()))
        self.world.time.slow_down(1.0)

    def _choose_victim(self) -> Killer:
        stations = self.world.stations
        victim = stations[self.settings.seed % len(stations)]
        guests = [skier for skier in self.skiers if skier.gate == victim.number - 1]
        killer = Killer(victim, guests, self.progress.tell)
        self.slopes.on_free = killer.on_free
        return killer

    async def reckon(self, started: float) -> Reckoning:
        """Wait until the gates have reported, then compare arms, journals and cloud."""
        self.progress.enter("reconciling")
        missing = await self._drained()
        cloud = await self.world.api.get("/reports/reconciliation", site=SITE)
        passages = await self._passages()
        counts = [await self._count(station, passages) for station in self.world.stations]
        for tale in self.slopes.tales:
            tale.counted = sum(passage["persons"] for passage in passages if passage["ticket"] == tale.ticket)
        self.progress.enter("reckoned")
        return Reckoning(
            counts=counts,
            tales=self.slopes.tales,
            cloud=cloud,
            missing=missing,
            open_at_kill=self._killer.open_at_kill if self._killer else 0,
            sold=self.office.sold,
            takings=self.office.takings,
            seconds=time.monotonic() - started,
            extra={
                "broker": self.world.broker_name,
                "network_cuts": self.world.wire.cuts,
                "kills": sum(station.kills for station in self.world.stations),
                "reoffers": cloud["reoffers"],
                "issued_again": self.office.issued_again,
                "sold_amount": cloud["sold_amount"],
                "stages": self.progress.stages,
            },
        )

    async def _drained(self) -> list[str]:
        """Until no gate holds anything unacknowledged and the cloud has applied it all; what is still missing then."""
        deadline = time.monotonic() + _DRAIN_S
        while True:
            journals = [await station.journal() for station in self.world.stations]
            cloud = await self.world.api.get("/reports/reconciliation", site=SITE)
            missing = _missing(journals, cloud)
            if not missing or time.monotonic() > deadline:
                return missing
            await asyncio.sleep(0.3)

    async def _passages(self) -> list[dict[str, Any]]:
        """Every passage the cloud knows of."""
        found: list[dict[str, Any]] = []
        after = 0
        while after is not None:
            page = await self.world.api.get("/passages", site=SITE, after=after)
            found += page["items"]
            after = page["next"]
        return found

    async def _count(self, station: Station, passages: list[dict[str, Any]]) -> GateCount:
        here = [passage for passage in passages if passage["gate"] == station.number]
        return GateCount(
            number=station.number,
            turned=station.lane.tripod.turned,
            passed_at_gate=(await station.journal())["passed"],
            passed_in_cloud=sum(passage["persons"] for passage in here),
            unknown=sum(passage["unknown"] for passage in here),
        )


def _missing(journals: list[dict[str, Any]], cloud: dict[str, Any]) -> list[str]:
    """What gates recorded and the cloud has not stored, or stored and not applied, in sentences."""
    found = [
        f"gate {number} holds {journal['unacknowledged']} events that the cloud has not acknowledged"
        for number, journal in enumerate(journals, 1)
        if journal["unacknowledged"]
    ]
    recorded = sum(journal["admissions"] for journal in journals)
    if cloud["admissions"] != recorded or cloud["open"]:
        found.append(
            f"the cloud knows {cloud['admissions']} of {recorded} admissions, {cloud['open']} without an outcome"
        )
    return found


async def run_day(settings: DaySettings, progress: Progress, after: Callable[[World], Any] | None = None) -> Reckoning:
    """Run one day; `after` (async) is awaited while the world still stands."""
    started = time.monotonic()
    sys.setswitchinterval(_SWITCH_S)
    async with World(settings) as world:
        progress.tell(f"broker: {world.broker_name}")
        day = Day(world, progress)
        await day.run()
        reckoning = await day.reckon(started)
        progress.enter("done")
        if after:
            await after(world)
        return reckoning


__all__ = ["Day", "Progress", "Skier", "run_day"]
