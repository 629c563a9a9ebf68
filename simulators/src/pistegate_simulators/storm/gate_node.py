# SPDX-License-Identifier: Apache-2.0
"""A gate of a storm: its real loop, on devices of this world. It is cut off, killed, restarted and restored."""

import queue
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from pistegate_edge.clock import Clock
from pistegate_edge.config import Config, check_config, lane_profile
from pistegate_edge.core.actions import Show
from pistegate_edge.core.passage import State
from pistegate_edge.devices import Devices, LaneTold
from pistegate_edge.errors import JournalFull
from pistegate_edge.gate import Gate
from pistegate_edge.lane.host import Event
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.parts.rungs import Rungs
from pistegate_edge.parts.timekeeping import Timekeeping
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_edge.timekeeping.opening import guarded_clock
from pistegate_protocol.messages import UP, Batch
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.usage import decode_usage
from pistegate_simulators.disk import Disk, DiskFiles, PowerCut
from pistegate_simulators.storm.hub_node import HUB, HubNode, StormHubPart, site_line
from pistegate_simulators.storm.lane import Arms, StormLane
from pistegate_simulators.storm.network import TO_CLOUD, Line
from pistegate_simulators.storm.reader import StormReader
from pistegate_simulators.storm.tickets import AREA, DOCUMENTS, GROUP, ISSUER, KEY_ID, SITE
from pistegate_simulators.storm.timeline import MachineClock, Timeline
from pistegate_simulators.storm.trace import Trace
from pistegate_simulators.storm.truth import Admission, Truth
from pistegate_simulators.storm.violation import Red
from pistegate_simulators.storm.watched import WatchedJournal

RESERVE_BYTES = 16 * 1024
RESTART_S = 5.0  # seconds after which a service manager tries again
JOURNAL = "journal.sqlite"
_WAL = f"{JOURNAL}-wal"


class _Panel:
    """Lamps and words that nobody looks at but the trace."""

    def __init__(self, trace: Callable[[str], None]) -> None:
        self._trace = trace

    def show(self, show: Show, now: float) -> None:
        self._trace(f"shows {show.key}")

    def tick(self, now: float) -> None:
        """Nothing to do."""

    def deadline(self, now: float) -> float | None:
        """Never."""
        return None


class _Keys:
    """Card keys are not looked at: the cards of a storm are at the other side of the reader."""

    sets = ()
    warning = None

    def gate_key(self, uid: bytes, key_set: Any) -> bytes:
        raise NotImplementedError

    def roll_key(self, uid: bytes) -> bytes | None:
        return None


_KEYS: Any = _Keys()


class _WatchedLane(StormLane):
    """Tells the world before it opens."""

    def __init__(self, arms: Arms, mono: Callable[[float], float], opened: Callable[[int], None]) -> None:
        super().__init__(arms, mono)
        self._opened = opened

    def open(self, now: float, persons: int, direction: str) -> list[Event]:
        self._opened(persons)
        return super().open(now, persons, direction)


def gate_config(number: int, gates: Sequence[int], *, hub: bool) -> Config:
    """As a gate.toml of this world says."""
    site = {"hub": {"number": HUB, "host": "127.0.0.1", "port": 2}} if hub else {}
    return check_config(
        site
        | {
            "role": "gate",
            "device": {"site": SITE, "group": GROUP, "number": number},
            "place": {"area": AREA, "post_gates": list(gates), "zone": "Asia/Shanghai"},
            "storage": {"directory": "/simulated", "reserve_kib": 128},
            "reader": {"path": "/dev/ttyAMA0", "baud": 115200},
            "key_store": {"path": "/simulated/keys"},
            "issuer_keys": {str(KEY_ID): ISSUER.public_key().public_bytes_raw().hex()},
            "document_keys": {str(KEY_ID): DOCUMENTS.public_key().public_bytes_raw().hex()},
            "broker": {"host": "127.0.0.1", "port": 1, "keepalive_s": 30},
            "lane": {"kind": "tripod_pulse", "unlock_pin": 17, "pass_pin": 27, "pulse_ms": 100, "timeout_ms": 400},
            "signals": {"green_pin": 22, "red_pin": 23, "buzzer_pin": 24, "refuse_ms": 300},
            "display": {"locale": "en"},
        }
    )


class GateNode:
    """`opened`: told of each opening of the lane, after the truth has looked at it. `gate` is None while it is down."""

    def __init__(
        self,
        config: Config,
        timeline: Timeline,
        rng: Random,
        trace: Trace,
        truth: Truth,
        to_cloud: Callable[[int, bytes], None],
        cloud_up: Callable[[], bool],
        opened: Callable[["GateNode", Admission], None],
        *,
        board: bool,
        hub: HubNode | None = None,
    ) -> None:
        self.config = config
        self.number = config.device.number
        self.gate: Gate | None = None
        self.journal: WatchedJournal | None = None
        self.reader: StormReader | None = None
        self.clock = MachineClock(timeline, f"gate {self.number}")
        self.disk = Disk(rng)
        self.arms = Arms(timeline, f"board {self.number}" if board else None)
        self.arms.turned = lambda: truth.turned(self.number)
        self.line = Line(timeline, rng, lambda payload: to_cloud(self.number, payload), self._tell, cloud_up, TO_CLOUD)
        self.site_line = None
        if hub is not None:
            up = partial(hub.receive, self.number)
            self.site_line = site_line(timeline, rng, up, self._tell, hub)
            hub.lines[self.number] = self.site_line
        self.granted: set[int] = set()
        """Reservations of this run that the hub granted while they were waited for."""
        self.starts = 0
        self.cut_after_opening: float | None = None
        """Seconds after the next opening at which the power goes."""
        self._timeline = timeline
        self._rng = rng
        self._trace = trace
        self._truth = truth
        self._opened_told = opened
        self._queue: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._tick_plan = 0
        self._up_to = to_cloud

    # What the world does

    @property
    def idle(self) -> bool:
        """It serves, and nobody is at the lane."""
        return self.gate is not None and self.gate._passage.state is State.IDLE

    @property
    def at_lane(self) -> Admission | None:
        """Whom the lane was opened for last."""
        return self._truth.at_lane.get(self.number)

    @property
    def drained(self) -> bool:
        """It serves, nothing is under way, and the cloud has all of it."""
        gate = self.gate
        if gate is None or not self.idle or gate._passage.faults:
            return False
        return self.line.connected and gate._uplink._core.backlog() == 0

    def boot(self, *, power: bool) -> None:
        """Start the process; `power`: the machine too."""
        if self.gate is not None:
            return
        if power:
            fate = self.disk.power_on()
            self.clock.booted()
            self._say(f"boots, what was not synced is {fate.value}")
        else:
            self._say("starts")
        self.starts += 1
        self._guarded(self._start)

    def _start(self) -> None:
        timeline = self._timeline
        told: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._queue = told
        config, files = self.config, DiskFiles(self.disk)
        clock = guarded_clock(config, self.clock, files)
        self.journal = journal = self.open_journal(clock, files)
        lane = _WatchedLane(self.arms, lambda at: at - timeline.now + clock.monotonic(), self._opened)

        def reader(knows: Any) -> StormReader:
            self.reader = StormReader(timeline, self._rng, knows, self._tell)
            return self.reader

        def parts(ports: Ports) -> tuple[None, list[Part]]:
            return None, self._parts(ports, clock, files)

        devices = Devices(lane, _Panel(self._say), _KEYS, journal, self.line, reader, parts)
        gate = Gate(config, clock, devices, told)
        unfinished = [each.name for each in gate._passage.unfinished]
        self._truth.started(self.number, gate._documents.versions(), unfinished)
        self.gate = gate
        self.arms.told = lambda: self._tell(LaneTold("passed"))
        gate.start()

    def open_journal(self, clock: Clock, files: DiskFiles) -> WatchedJournal:
        """Of this run."""
        journal = WatchedJournal(
            Path("/simulated"),
            SITE,
            self.number,
            RESERVE_BYTES,
            clock,
            self._rng.getrandbits(32),
            "storm",
            files=files,
        )
        journal.truth, journal.reserved = self._truth, self.reserved
        journal.true_ms = lambda: self._timeline.wall_ms
        return journal

    def _parts(self, ports: Ports, clock: GuardedClock, files: DiskFiles) -> list[Part]:
        """Those of parts/opening.py that this world has: time, the site's hub, the rung."""
        config, keys = self.config, KeyRing(self.config.document_keys)
        parts: list[Part] = [Timekeeping(clock, ports, self.number, SITE, keys, files.directory)]
        hub: StormHubPart | None = None
        if self.site_line is not None and config.place is not None:
            hub = StormHubPart(lane_profile(config.device, config.place), ports, self.site_line, self._granted)
            parts.append(hub)
        stale = config.stale
        serves, group = (lambda: hub is not None and hub.serves), (lambda: 1 if hub is None else hub.group)
        parts.append(Rungs(ports, files, stale.after_hours * 3600, stale.policy, hub=serves, group=group))
        return parts

    def _granted(self, number: int) -> None:
        waiting = self.gate._passage.reserving.waiting if self.gate else None
        if waiting is not None and waiting.number == number:
            self.granted.add(number)

    def reserved(self) -> bool:
        """Whether the admission under way was granted by the hub."""
        current = self.gate._passage.current if self.gate else None
        return current is not None and current.reserved in self.granted

    def power_cut(self) -> None:
        """Now."""
        self.disk.cut()
        self._died("the power goes")

    def kill(self) -> None:
        """The process only."""
        if self.gate is not None:
            self.disk.kill()
            self._died("killed")

    def _died(self, why: str) -> None:
        self._say(why)
        self.gate = self.journal = None
        self._tick_plan += 1
        self.line.stop()
        self.granted.clear()
        if self.site_line is not None:
            self.site_line.stop()
        if self.reader is not None:
            self.reader.stop()
            self.reader = None
        self.arms.orphaned()

    def take(self, item: object) -> None:
        """Something is put before the loop."""
        if self.gate is not None:
            self._guarded(lambda: self.gate.take(item) if self.gate else None)

    # Inside

    def _tell(self, item: object) -> None:
        """What devices put; taken at once if the loop is not at work, else after what it does."""
        if self.gate is None:
            return
        if self._working:
            self._queue.put(item)
        else:
            self.take(item)

    _working = False

    def _guarded(self, work: Callable[[], object]) -> None:
        """Run the loop's work and what it put, with the world's power switch."""
        self._working = True
        try:
            work()
            while self.gate is not None and not self._queue.empty():
                self.gate.take(self._queue.get_nowait())
        except PowerCut:
            self._died("the power goes in the middle of a write")
            self._timeline.after(self._rng.uniform(1.0, 40.0), lambda: self.boot(power=True))
        except JournalFull:
            if self.gate is not None:
                raise
            # The process could not start, and is started again: as its service manager does.
            self.disk.kill()
            self._died("no room to start")
            self._timeline.after(RESTART_S, lambda: self.boot(power=False))
        except (Red, KeyboardInterrupt):
            raise
        except Exception as error:
            raise Red("loop_failed", f"gate {self.number}: {type(error).__name__}: {error}") from error
        finally:
            self._working = False
        self._plan()

    def _plan(self) -> None:
        if self.gate is None:
            return
        self._tick_plan += 1
        plan = self._tick_plan
        self._timeline.after(max(self.gate.wait_s(), 0.001), lambda: self._tick(plan))

    def _tick(self, plan: int) -> None:
        if plan == self._tick_plan and self.gate is not None:
            self._guarded(self.gate.tick)

    def _opened(self, persons: int) -> None:
        gate = self.gate
        current = gate._passage.current if gate else None
        if current is None:
            raise Red("opened_undurable", f"gate {self.number} opened without an admission")
        names = None
        if current.held is not None and self.reader is not None and self.reader.held is not None:
            names = decode_usage(self.reader.held.usage_file).admission
        admission = self._truth.opened(
            self.number, current.name, persons, durable=not self._unsynced(), card_names=names
        )
        self._say(f"opens for {persons}, ticket {current.event.ticket}, seq {current.seq}")
        self._opened_told(self, admission)

    def _unsynced(self) -> bool:
        """Whether a commit is only in the page cache; pages on their way into the database are in the log too."""
        log = self.disk.files.get(_WAL)
        return log is not None and bool(log.pending)

    def _say(self, what: str) -> None:
        self._trace(f"gate {self.number}", what)


def batch_in(payload: bytes) -> Batch | None:
    """The batch in a message up, if it is one."""
    message = UP.decode(payload)
    return message if isinstance(message, Batch) else None
