# SPDX-License-Identifier: Apache-2.0
"""A whole gate that asks for the time over a real Mosquitto: a wrong clock is put right, what is replayed is not."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gate_bench import DOCUMENTS, BenchClock, running_gate, ski_card, wait_for
from journal_reading import admissions, events, incidents
from paho.mqtt.enums import CallbackAPIVersion
from servers import Mosquitto

from pistegate_edge.clock import Clock
from pistegate_edge.timekeeping.told import Sources
from pistegate_edge.uplink.mqtt import Arrived
from pistegate_protocol.documents import DenyList, sign_document
from pistegate_protocol.events import ClockState, Stream
from pistegate_protocol.messages import DOWN, UP, Hello, TimeAsked, TimeTold
from pistegate_protocol.time_marks import TimeMark, sign_time
from pistegate_protocol.topics import Device, Role
from pistegate_simulators.reader import SimulatedReader

GATE = Device(1, Role.GATE, 3)
DAY_MS = 86_400_000
NEAR_MS = 60_000  # what a loaded machine may take


class WrongClock(Clock):
    """A system clock that is `off_ms` wrong, and nobody vouches for it."""

    off_ms = 0

    def _wall_ns(self) -> int:
        return super()._wall_ns() + self.off_ms * 1_000_000

    def sources(self) -> Sources:
        """See Clock."""
        return Sources()


@dataclass
class TimeCloud:
    """Answers questions for the time as `answers` says."""

    broker: Mosquitto
    key: Ed25519PrivateKey = DOCUMENTS
    silent: bool = False
    off_ms: int = 0
    questions: list[TimeAsked] = field(default_factory=list)
    hellos: list[Hello] = field(default_factory=list)
    told: list[TimeTold] = field(default_factory=list)

    def __enter__(self) -> "TimeCloud":
        ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="time-cloud")
        self.client.on_message = self._message
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(self.broker.host, self.broker.port)
        self.client.subscribe(GATE.up, qos=1)
        self.client.loop_start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, told: TimeTold) -> None:
        """Down to the gate."""
        self.client.publish(GATE.down, DOWN.encode(told), qos=1)

    def mark(self, nonce: bytes, at_ms: int) -> TimeTold:
        """Signed."""
        return sign_time(TimeMark(1, 3, nonce, at_ms), 1, self.key)

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        heard = UP.decode(bytes(message.payload))
        if isinstance(heard, Hello):
            self.hellos.append(heard)
        if isinstance(heard, TimeAsked):
            self.questions.append(heard)
            if not self.silent:
                self.told.append(self.mark(heard.nonce, now_ms() + self.off_ms))
                self.say(self.told[-1])


def now_ms() -> int:
    """The true time."""
    return time.time_ns() // 1_000_000


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def broker_of(broker: Mosquitto) -> dict[str, Any]:
    """The gate's [broker]."""
    return {"host": broker.host, "port": broker.port, "keepalive_s": 30}


def states(directory: Path) -> list[ClockState]:
    return [event for event in events(directory, Stream.LEDGER) if isinstance(event, ClockState)]


@pytest.mark.parametrize("off", [DAY_MS, -DAY_MS])
def test_wrong_clock_is_put_right_by_the_cloud(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto, off: int
) -> None:
    """In doubt until it is told; then what happens is dated right, and the cloud hears that it is."""
    clock = WrongClock()
    clock.off_ms = off
    with (
        TimeCloud(mosquitto_broker) as cloud,
        running_gate(tmp_path / "gate", reader, clock=clock, broker=broker_of(mosquitto_broker)) as bench,
    ):
        wait_for(lambda: len(states(bench.directory)) >= 2, 30)
        first, second = states(bench.directory)[:2]
        assert (first.trusted, first.reason, second.trusted) == (False, "never_synchronised", True)
        assert abs(second.moved + off) < NEAR_MS
        assert abs(second.at - now_ms()) < NEAR_MS
        bench.reader.present(ski_card())
        wait_for(lambda: admissions(bench.directory), 30)
        assert abs(admissions(bench.directory)[0].at - now_ms()) < NEAR_MS
        wait_for(lambda: cloud.hellos and "suspect" not in cloud.hellos[-1].state, 40)
        assert "clock_suspect" in incidents(bench.directory)
        assert "clock_trusted" in incidents(bench.directory)


def test_jump_of_a_clock_that_the_cloud_had_confirmed_is_asked_about_at_once(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto
) -> None:
    """Long before the next question is due: the cloud's word decides, here that it is a day later for all."""
    clock = BenchClock()
    with (
        TimeCloud(mosquitto_broker) as cloud,
        running_gate(tmp_path / "gate", reader, clock=clock, broker=broker_of(mosquitto_broker)) as bench,
    ):
        wait_for(lambda: cloud.told, 30)
        wall_ns = clock._wall_ns
        clock._wall_ns = lambda: wall_ns() + DAY_MS * 1_000_000  # type: ignore[method-assign]
        cloud.off_ms = DAY_MS
        wait_for(lambda: abs(states(bench.directory)[-1].at - now_ms() - DAY_MS) < NEAR_MS, 60)
        assert states(bench.directory)[-1].trusted


def test_replayed_and_forged_times_move_nothing(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto
) -> None:
    """A genuine mark of yesterday to a question of another day; one signed by somebody else."""
    other = Ed25519PrivateKey.generate()
    with (
        TimeCloud(mosquitto_broker, silent=True) as cloud,
        running_gate(tmp_path / "gate", reader, clock=BenchClock(), broker=broker_of(mosquitto_broker)) as bench,
    ):
        wait_for(lambda: cloud.questions, 30)
        cloud.say(cloud.mark(b"old one.", now_ms() - DAY_MS))
        cloud.say(TimeCloud(mosquitto_broker, other).mark(cloud.questions[-1].nonce, now_ms() + DAY_MS))
        wait_for(lambda: "document_refused" in incidents(bench.directory), 30)
        bench.reader.present(ski_card())
        wait_for(lambda: admissions(bench.directory), 30)
        assert abs(admissions(bench.directory)[0].at - now_ms()) < NEAR_MS
        assert [state.trusted for state in states(bench.directory)] == [True]


def test_document_tells_how_late_it_is_at_least(tmp_path: Path, reader: SimulatedReader) -> None:
    """A gate of last week that has no time but a newer deny list: not earlier than that, at once and after a boot."""
    clock = WrongClock()
    clock.off_ms = -7 * DAY_MS
    directory = tmp_path / "gate"
    told = now_ms() - DAY_MS
    with running_gate(directory, reader, clock=clock) as bench:
        bench.gate._queue.put(Arrived(DOWN.encode(sign_document(DenyList(1, 1, told, []), 1, DOCUMENTS))))
        wait_for(lambda: states(directory)[-1].reason == "ran_back", 30)
        assert abs(states(directory)[-1].at - told) < NEAR_MS
    with running_gate(directory, reader, clock=clock):
        wait_for(lambda: abs(states(directory)[-1].at - told) < NEAR_MS, 30)


def test_time_that_the_cloud_told_is_known_to_the_next_run(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto
) -> None:
    """After a boot with a clock of last week and no network, it is not earlier than that."""

    class NextBoot(WrongClock):
        def __init__(self) -> None:
            super().__init__()
            self.steady_id = b"nextboot"
            self.off_ms = -7 * DAY_MS

    directory = tmp_path / "gate"
    with (
        TimeCloud(mosquitto_broker) as cloud,
        running_gate(directory, reader, clock=WrongClock(), broker=broker_of(mosquitto_broker)),
    ):
        wait_for(lambda: cloud.told and states(directory)[-1].trusted, 30)
    with running_gate(directory, reader, clock=NextBoot()):
        newest = states(directory)[-1]
    assert (newest.trusted, newest.reason) == (False, "ran_back")
    assert abs(newest.at - now_ms()) < 10 * NEAR_MS
