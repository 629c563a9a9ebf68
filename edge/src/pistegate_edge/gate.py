# SPDX-License-Identifier: Apache-2.0
"""The gate process: readers and broker put what happens on one queue, one loop on the main thread does the rest."""

import logging
import queue
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any

from gpiozero import GPIOZeroError  # type: ignore[import-untyped]

from pistegate_edge.clock import Clock, open_clock
from pistegate_edge.config import Config, lane_profile
from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.attended import Reasons
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.judge import Judge
from pistegate_edge.core.memory import KnownClaims
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OwedBook, UnsettledBook
from pistegate_edge.core.passage import Passage, State
from pistegate_edge.devices import Devices, LaneTold, ReaderOpened, open_devices
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.enrolment.opening import chain_signer
from pistegate_edge.enrolment.standing import standing
from pistegate_edge.errors import GpioUnavailable, JournalFull
from pistegate_edge.lane.core import words
from pistegate_edge.lane.host import Event
from pistegate_edge.parts.part import Part, Ports
from pistegate_edge.power import EXIT_BATTERY, shut_down
from pistegate_edge.process import (
    DRAIN_S,
    IDLE_S,
    TIDY_S,
    Feed,
    Stop,
    noted_at_start,
    run_until_signal,
    service_with_keys,
)
from pistegate_edge.recorder import Recorder
from pistegate_edge.timekeeping.opening import guarded_clock
from pistegate_edge.uplink.link import Uplink
from pistegate_edge.uplink.mqtt import Arrived, LinkDown, LinkUp
from pistegate_protocol.events import Incident, Stream, short_text
from pistegate_protocol.messages import SignedDocument
from pistegate_protocol.signing import KeyRing

log = logging.getLogger(__name__)

OWED_TIDY_S = 60.0  # seconds between clearings of owed entries that are over


# What the passage protocol is told of a lane's events; (name, value) as `lane.core.words` has them.
_LANE_INPUTS: dict[str, Callable[[Any], i.Input]] = {
    words.PASSED: i.LanePassed,
    words.COUNTED: i.LaneCounted,
    words.INCIDENT: i.LaneIncident,
    words.FAULT: lambda code: i.LaneFault(code, True),
    words.CLEAR: lambda code: i.LaneFault(code, False),
    words.MODE: i.LaneMode,
}


class Gate:
    """Everything of one gate; `run` returns when it was told to stop."""

    def __init__(self, config: Config, clock: Clock, devices: Devices, told: "queue.SimpleQueue[object]") -> None:
        """`told`: where devices put inputs of the passage protocol, and what `_takers` know."""
        place = config.place
        if place is None:
            raise ValueError("a checked configuration of a gate is needed")
        self._clock = clock
        self._queue = told
        self._stop_at: float | None = None
        self._feed: Feed[i.Input] = Feed(self._step)
        self._lane_awaited = False
        self._owed_tidy_at = 0.0
        self._tidy_at = 0.0
        self._way = words.EXIT if place.exit else words.ENTRY
        self._lane, self._signals, self._keys = devices.lane, devices.signals, devices.keys
        self._journal, self._link = devices.journal, devices.link
        self._profile = lane_profile(config.device, place)
        self._documents = documents = DocumentStore(self._journal, KeyRing(config.document_keys), config.device.site)
        self._notes_at_start = noted_at_start(documents, self._journal, self._keys)
        self._known = KnownClaims(self._journal.verified_claims())
        self._passage = self._new_passage(config)
        self._recorder = Recorder(self._journal, self._feed, self._grown)
        self._parts: Sequence[Part] = []
        self._uplink = Uplink(
            config.device.number,
            self._journal,
            documents,
            self._link,
            self._state,
            self._note,
            self._told_by_cloud,
            self._versions,
            self._taken,
            chain_signer(config),
        )
        self._reader = devices.reader(self._known.knows)
        self._power, self._parts = devices.parts(self._ports())
        self._takers = self._taken_by()
        self._perform = self._performers()

    def _new_passage(self, config: Config) -> Passage:
        """The passage protocol, with what earlier runs left open."""
        judge = Judge(
            self._profile,
            KeyRing(config.issuer_keys),
            self._documents.facts,
            self._known,
            self._journal,
            refuse_doubted=config.clock.when_suspect == "refuse_dated",
        )
        return Passage(
            judge,
            OwedBook(self._journal.owed()),
            UnsettledBook(self._journal.unsettled()),
            self._journal.unfinished(),
            Reasons(config.override.key_reason, config.override.staff_reason),
            staff_cards=config.override.staff_cards,
            hub=config.hub is not None,
        )

    def _ports(self) -> Ports:
        """What its parts are given of the gate."""
        return Ports(
            put=self._queue.put,
            feed=self._feed,
            note=self._note_now,
            state_changed=self._uplink.state_changed,
            busy=self._busy,
            held=lambda: self._passage.state in (State.READING, State.COMMITTING, State.WRITING),
            clock=self._clock,
            publish=self._link.publish,
            chronicle=lambda event: self._recorder.chronicle(event, self._clock.now()),
            keep=self._keep,
            document=self._documents.get,
            record=self._recorder.receipt,
            journal=self._journal,
            owed=self._passage.owed.to_hand_over,
            cloud_heard=lambda: self._uplink.heard_at,
            faulty=lambda: bool(self._passage.faults - {i.Fault.STALE}),
        )

    @property
    def shutdown(self) -> tuple[str, ...] | None:
        """The command that is to end the computer, where the battery ended the gate."""
        return None if self._power is None else self._power.shutdown

    def _taken_by(self) -> dict[type, Callable[[Any, Now], None]]:
        """Who is told what comes over the queue and is no input of the passage protocol."""
        takers: dict[type, Callable[[Any, Now], None]] = {
            LaneTold: self._take_lane,
            ReaderOpened: self._take_opened,
            Stop: self._take_stop,
            Arrived: self._uplink.event,
            **dict.fromkeys((LinkUp, LinkDown), self._take_link),
        }
        for part in self._parts:
            takers |= dict.fromkeys(part.takes, part.take)
        return takers

    def _performers(self) -> dict[type, Callable[[Any, Now], None]]:
        """Who does what the passage protocol asks for."""
        performers: dict[type, Callable[[Any, Now], None]] = {
            a.Read: lambda action, now: self._reader.reply(action),
            a.Write: lambda action, now: self._reader.reply(action),
            a.Release: lambda action, now: self._reader.reply(action),
            a.RecordAdmission: lambda action, now: self._recorder.admission(action, now, self._lane.mark),
            a.RecordOutcome: self._recorder.record,
            a.RecordProgress: self._recorder.record,
            a.RecordSettled: self._recorder.record,
            a.RecordNote: lambda action, now: self._recorder.note(action.event, now),
            a.RecordOverride: self._recorder.record,
            a.OpenLane: lambda action, now: self._lane_told(self._lane.open(now.mono, action.persons, self._way)),
            a.OverrideLane: self._override,
            a.Show: lambda action, now: self._signals.show(action, now.mono),
            a.Log: lambda action, now: log.info(action.line),
        }
        for part in self._parts:
            performers |= part.performs
        return performers

    def stop(self) -> None:
        """Ask for an orderly end; from any thread or a signal handler."""
        self._queue.put(Stop())

    def run(self) -> None:
        """Until told to stop: the passage under way is finished, the lane shut, everything recorded.

        Deadlines are looked at only when due: work after an answer to the reader keeps its thread from running.
        """
        self.start()
        try:
            while not self._done():
                wait_s = self.wait_s()
                if wait_s <= 0:
                    self.tick()
                try:
                    item = self._queue.get(timeout=wait_s) if wait_s > 0 else self._queue.get_nowait()
                except queue.Empty:
                    continue
                if isinstance(item, Stop) and self._stop_at is not None:
                    break
                self.take(item)
        finally:
            self.finish()

    def _done(self) -> bool:
        """Told to stop, no passage under way, and the cloud has what it can have; the battery does not wait for it."""
        if self.shutdown is not None:
            return True
        if self._stop_at is None or self._busy():
            return False
        now = self._clock.now()
        self._recorder.finish(now)
        return self._uplink.drained() or now.mono >= self._stop_at

    def start(self) -> None:
        """The lane is shut, or what an earlier run opened is waited out; then everything serves."""
        now = self._clock.now()
        if self._passage.state is State.RECOVERING:
            log.info("an admission of the last run is open: the lane stays shut while it may still be passed")
            self._lane.remember(self._journal.lane_mark())
            self._lane_told(self._lane.drain(now.mono))
        else:
            self._lane_told(self._lane.stop(now.mono))
            self._lane_awaited = True
            self._await_lane()
        if not self._journal.reserve.held:
            self._recorder.out_of_room(now)
        self._feed(i.FactsArrived(self._facts()))
        for code, detail in self._notes_at_start:
            self._note_now(code, detail)
        self._reader.start()
        self._link.start()
        for part in self._parts:
            part.start()

    def _await_lane(self) -> None:
        """A gate has started when its lane is known."""
        if self._lane_awaited and self._lane.ready:
            self._lane_awaited = False
            self._feed(i.FaultChanged(i.Fault.STARTING, False))

    def take(self, item: Any) -> None:
        """What a device or a part has put."""
        taker = self._takers.get(type(item))
        if taker is None:
            self._feed(item)
        else:
            taker(item, self._clock.now())

    def _take_lane(self, item: LaneTold, now: Now) -> None:
        self._lane_told(self._lane.take(item.told, now.mono))
        self._await_lane()

    def _take_opened(self, item: ReaderOpened, now: Now) -> None:
        log.info("reader ready: %s", item.what)
        self._feed(i.ReaderReady())

    def _take_link(self, item: LinkUp | LinkDown, now: Now) -> None:
        self._uplink.event(item, now)
        for part in self._parts:
            part.linked(isinstance(item, LinkUp), now)

    def _taken(self, message: object) -> None:
        """From the cloud, for whichever part takes it."""
        taker = self._takers.get(type(message))
        if taker is not None:
            taker(message, self._clock.now())

    def _keep(self, name: str, version: int, signed: SignedDocument) -> bool:
        try:
            self._journal.store_document(name, version, signed)
        except JournalFull:
            return False
        return True

    def _take_stop(self, _: Stop, now: Now) -> None:
        log.info("stopping")
        self._stop_at = now.mono + DRAIN_S
        self._feed(i.FaultChanged(i.Fault.STOPPING, True))

    def tick(self) -> None:
        """Whatever is due."""
        now = self._clock.now()
        self._lane_told(self._lane.tick(now.mono))
        self._await_lane()
        self._signals.tick(now.mono)
        for part in self._parts:
            if part.deadline is not None and now.mono >= part.deadline:
                part.tick(now)
        if self._passage.deadline is not None and now.mono >= self._passage.deadline:
            self._feed(i.Tick())
        # A card that is held goes first: disk and network wait until it is let go.
        if self._passage.state in (State.IDLE, State.OPEN, State.RECOVERING):
            self._recorder.tick(now)
            self._uplink.tick(now)
        if self._passage.state is State.IDLE and now.mono >= self._tidy_at:
            self._tidy_at = now.mono + TIDY_S
            self._journal.tidy()
            if now.mono >= self._owed_tidy_at:
                self._owed_tidy_at = now.mono + OWED_TIDY_S
                self._forget(now)

    def _forget(self, now: Now) -> None:
        today = now.wall.astimezone(self._profile.zone).date()
        with suppress(JournalFull):  # forgotten when there is room again; the next record that matters says so
            self._journal.forget_owed(lambda entry: entry.holds(now.mono, today))
            self._journal.forget_old()
        self._known.prune()  # the lane is idle: no card is between being read and being decided

    def wait_s(self) -> float:
        """Seconds until `tick` is due, IDLE_S at most."""
        now = self._clock.monotonic()
        times = [self._lane.deadline, self._signals.deadline(now), self._passage.deadline]
        times += [part.deadline for part in self._parts]
        if self._passage.state in (State.IDLE, State.OPEN, State.RECOVERING):
            times += [self._recorder.deadline(), self._uplink.deadline()]
        if self._passage.state is State.IDLE:
            times.append(self._tidy_at)
        if self._passage.state in (State.IDLE, State.RECOVERING):
            times.append(self._stop_at)
        due = min((t for t in times if t is not None), default=now + IDLE_S)
        return min(max(0.0, due - now), IDLE_S)

    def _step(self, told: i.Input) -> None:
        """Give the protocol an input and do what it asks for."""
        before = self._passage.service()
        was = self._passage.state
        now = self._clock.now()
        for action in self._passage.handle(told, now):
            self._perform[type(action)](action, now)
        if was is State.RECOVERING and self._passage.state is State.IDLE:
            self._feed(i.FaultChanged(i.Fault.STARTING, False))
        if self._passage.service() != before:
            self._uplink.state_changed()
        for part in self._parts:
            part.stepped(now)

    def _lane_told(self, events: list[Event]) -> None:
        for name, value in events:
            if name == words.CLOSED and self._passage.state not in (State.OPEN, State.RECOVERING):
                continue  # a group is through, of whom each was told
            if name == words.CLOSED and isinstance(value, int):
                self._feed(i.LaneClosed(value, self._lane.exact))
            elif (made := _LANE_INPUTS.get(name)) is not None:
                self._feed(made(value))
            else:
                log.warning("lane: %s %s", name.replace("_", " "), value)

    def _override(self, action: a.OverrideLane, now: Now) -> None:
        """Ask the lane; the mode that it tells instead is its refusal, unless it tells the end of what was before."""
        events = self._lane.mode(now.mono, action.mode, action.direction, action.persons)
        self._lane_told(events)
        refused = events and events[-1][0] == words.MODE and not any(name == words.CLOSED for name, _ in events)
        if not refused:
            self._feed(i.Overridden(action))

    def _state(self) -> str:
        words = [self._passage.service(), *(part.words for part in self._parts if part.words)]
        return service_with_keys("; ".join(words), self._keys)

    def _busy(self) -> bool:
        return self._passage.state not in (State.IDLE, State.RECOVERING)

    def _grown(self, stream: Stream, last: int) -> None:
        self._uplink.grown(stream, last)
        for part in self._parts:
            part.grown(stream, last)

    def _told_by_cloud(self) -> None:
        self._feed(i.FactsArrived(self._facts()))
        for part in self._parts:
            part.told()

    def _facts(self) -> Facts:
        """What the cloud's documents tell, with what parts add to it."""
        facts = self._documents.facts
        for part in self._parts:
            facts = part.knows(facts)
        return facts

    def _versions(self) -> dict[str, int]:
        """Of all documents here, as Hello tells them."""
        found = self._documents.versions()
        for part in self._parts:
            found |= part.documents
        return found

    def _note(self, incident: Incident) -> None:
        now = self._clock.now()
        # The attendant reads it until the next card; the lamps go on telling the guests.
        self._signals.show(a.Show(a.Lamp.KEEP, f"incident.{incident.code}"), now.mono)
        self._recorder.note(incident, now)

    def _note_now(self, code: a.IncidentCode, detail: str) -> None:
        log.warning("%s: %s", code.value, detail)
        self._note(Incident(self._clock.wall_ms(), code.value, short_text(detail)))

    def finish(self) -> None:
        """An orderly end: the lane shut, everything recorded."""
        now = self._clock.now()
        self._lane.stop(now.mono)
        self._recorder.finish(now)
        for part in self._parts:
            part.stop()
        self._reader.stop()
        self._link.stop()
        log.info("stopped, lane shut")


def open_gate(config: Config, clock: Clock, opened: ExitStack) -> Gate:
    """A gate on the devices that its configuration names, at the place where it stands; `opened` closes them."""
    config, permission = standing(config, clock.wall_ms())
    if permission is not None:
        log.warning("this gate stands for gate %d, in area %d", permission.gate, permission.area)
    told: queue.SimpleQueue[object] = queue.SimpleQueue()
    clock = guarded_clock(config, clock)
    return Gate(config, clock, open_devices(config, clock, told.put, opened), told)


def run_gate(config: Config) -> int:
    """The whole life of a gate process, until SIGTERM or SIGINT, or until its battery is low; the exit status."""
    clock = open_clock(config.clock.source)
    with ExitStack() as opened:
        try:
            gate = open_gate(config, clock, opened)
        except GPIOZeroError as error:
            remedy = "on a Pi install lgpio (apt install python3-lgpio), let this user into group gpio, check the pins"
            raise GpioUnavailable(f"the pins cannot be driven: {error} ({type(error).__name__}); {remedy}") from error
        run_until_signal(gate)
    if gate.shutdown is None:
        return 0
    shut_down(gate.shutdown)  # everything of the gate is closed, its journal first
    return EXIT_BATTERY
