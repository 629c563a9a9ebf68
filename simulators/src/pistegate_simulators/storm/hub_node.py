# SPDX-License-Identifier: Apache-2.0
"""The site's hub of a storm: its real core and journal on a disk of this world, at the end of a LAN that breaks."""

from collections.abc import Callable
from random import Random

from msgspec.structs import replace

from pistegate_edge.errors import JournalFull
from pistegate_edge.hub.core import ALL, Answer, Hub
from pistegate_edge.hub.store import HubStore
from pistegate_edge.parts.part import Ports
from pistegate_edge.parts.reserving import HubPart
from pistegate_edge.reserving.link import SiteArrived, SiteDown, SiteTold, SiteUp
from pistegate_edge.reserving.told import HubTold, Reserved
from pistegate_protocol.decide import GateProfile
from pistegate_protocol.elsewhere import NOTHING, encode_elsewhere
from pistegate_protocol.hub_messages import FROM_HUB, TO_HUB, FromHub, Grant, Heard, Offer, ToHub
from pistegate_simulators.disk import Disk, DiskFiles, PowerCut
from pistegate_simulators.storm.network import Events, Line, Weather
from pistegate_simulators.storm.tickets import SITE
from pistegate_simulators.storm.timeline import MachineClock, Timeline
from pistegate_simulators.storm.trace import Trace
from pistegate_simulators.storm.violation import Red

HUB = 90
LAN = Weather(delay_s=(0.001, 0.008))
COMMIT_S = (0.002, 0.01)  # seconds from a message's arrival to the commit of its batch


def site_line(
    timeline: Timeline, rng: Random, up: Callable[[bytes], None], tell: Callable[[SiteTold], None], hub: "HubNode"
) -> Line[SiteTold]:
    """A gate's line to the site's broker, which runs on the hub's machine."""
    events: Events[SiteTold] = Events(SiteUp, SiteDown, lambda payload: SiteArrived("", payload))
    return Line(timeline, rng, up, tell, lambda: hub.up, events, LAN)


class StormHubPart(HubPart):
    """The gate's part of the hub; `granted`: reservations whose grant decided."""

    def __init__(self, gate: GateProfile, ports: Ports, line: Line[SiteTold], granted: Callable[[int], None]) -> None:
        super().__init__(gate, ports, lambda tell: line)
        self._granted = granted

    def _tell(self, told: list[HubTold]) -> None:
        for each in told:
            if isinstance(each, Reserved):
                self._granted(each.number)
        super()._tell(told)


class HubNode:
    """`lines`: to each gate. `lies`: what it grants is made up. `doubtful`: its journal was turned back once."""

    def __init__(self, timeline: Timeline, rng: Random, trace: Trace) -> None:
        self.disk = Disk(rng)
        self.lines: dict[int, Line[SiteTold]] = {}
        self.lies = False
        self.doubtful = False
        self._timeline = timeline
        self._rng = rng
        self._trace = trace
        self._clock = MachineClock(timeline, "hub")
        self._store: HubStore | None = None
        self._hub: Hub | None = None
        self._waiting: list[tuple[int, ToHub]] = []
        self._runs = 0

    # What the world does

    @property
    def up(self) -> bool:
        """Its machine runs, and with it the site's broker."""
        return self._hub is not None

    def boot(self) -> None:
        """Start it, after a cut or a kill."""
        if self.up:
            return
        if self.disk.off:
            self._say(f"boots, what was not synced is {self.disk.power_on().value}")
            self._clock.booted()
        else:
            self._say("starts")
        self._runs += 1
        try:
            self._store = HubStore(DiskFiles(self.disk), SITE, HUB, f"{self._runs:04}")
            self._hub = Hub(self._store, self._rng.getrandbits(62), self._clock.now())
        except PowerCut:
            self._died("the power goes while it starts")
            return
        if self._store.set_aside:
            self._say(f"keeps a damaged journal as {self._store.set_aside}")
        self._send([self._hub.hail()])

    def power_cut(self) -> None:
        """Now."""
        self.disk.cut()
        self._died("the power goes")

    def kill(self) -> None:
        """The process only."""
        self.disk.kill()
        self._died("killed")

    def _died(self, why: str) -> None:
        self._say(why)
        self._hub = self._store = None
        self._runs += 1
        self._waiting.clear()
        for line in self.lines.values():
            line.drop()

    def _say(self, what: str) -> None:
        self._trace("hub", what)

    # What gates tell

    def receive(self, gate: int, payload: bytes) -> None:
        """A message of a gate, taken with whatever else comes until the commit."""
        if not self.up:
            return
        if not self._waiting:
            run = self._runs
            self._timeline.after(self._rng.uniform(*COMMIT_S), lambda: self._work(run))
        self._waiting.append((gate, TO_HUB.decode(payload)))

    def _work(self, run: int) -> None:
        """One commit, then the answers, as HubProcess does."""
        hub, store = self._hub, self._store
        if run != self._runs or hub is None or store is None:
            return
        batch, self._waiting = self._waiting, []
        answers: list[Answer] = []
        now = self._clock.now()
        try:
            with store.commit():
                for gate, message in batch:
                    answers += hub.take(gate, message, now)
        except JournalFull:
            self._hub = hub = Hub(store, self._rng.getrandbits(62), now)
            answers = [hub.hail()]
        except PowerCut:
            self._died("the power goes in the middle of a write")
            self._timeline.after(self._rng.uniform(1.0, 30.0), self.boot)
            return
        except Exception as error:
            raise Red("hub_failed", f"{type(error).__name__}: {error}") from error
        for line in hub.told:
            self._say(line)
        hub.told.clear()
        self._send(answers)

    def _send(self, answers: list[Answer]) -> None:
        for gate, message in answers:
            payload = FROM_HUB.encode(self._lie(message) if self.lies else message)
            for number, line in self.lines.items():
                if gate in (ALL, number):
                    line.down(payload)

    def _lie(self, message: FromHub) -> FromHub:
        """Nothing was used anywhere, whoever comes is owed his way, and it has heard what nobody told."""
        rng = self._rng
        match message:
            case Grant():
                gate = rng.choice(sorted(self.lines))
                offer = Offer(rng.randbytes(8), gate, rng.randint(1, 200)) if rng.random() < 0.5 else None
                return replace(message, elsewhere=encode_elsewhere(NOTHING), offer=offer)
            case Heard():
                return replace(message, seq=message.seq + rng.randrange(3))
            case _:
                return message
