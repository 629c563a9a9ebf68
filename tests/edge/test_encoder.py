# SPDX-License-Identifier: Apache-2.0
"""The encoder: the cloud's card protocol over a real broker, a real driver and a simulated reader and card."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import paho.mqtt.client as paho
import pytest
from gate_bench import MASTERS, gate_tree, wait_for
from paho.mqtt.enums import CallbackAPIVersion
from servers import Mosquitto

from pistegate_edge.clock import Clock
from pistegate_edge.config import check_config
from pistegate_edge.encoder import Encoder
from pistegate_protocol.card_layout import CardKey
from pistegate_protocol.desfire import issuing
from pistegate_protocol.desfire.apdu import Ins, wrap
from pistegate_protocol.desfire.ev2 import authenticate
from pistegate_protocol.messages import DOWN, UP, Hello, RelayRequest, RelayResponse
from pistegate_protocol.topics import Device, Role
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader import Cut, SimulatedReader
from pistegate_simulators.stock import claim_content, personalised_card

ENCODER = Device(1, Role.ENCODER, 9)


class Window:
    """The cloud at the other end of the relayed link."""

    def __init__(self, broker: Mosquitto) -> None:
        self.responses: queue.SimpleQueue[RelayResponse] = queue.SimpleQueue()
        self.hellos: list[Hello] = []
        self.number = 0
        ready: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="window")
        self.client.on_message = self._message
        self.client.on_subscribe = lambda *_: ready.put(True)
        self.client.connect(broker.host, broker.port)
        self.client.subscribe(ENCODER.up, qos=1)
        self.client.loop_start()
        ready.get(timeout=5)

    def ask(self, session: int, number: int, *apdus: bytes, wait_ms: int = 0, final: bool = False) -> None:
        """Send a request."""
        request = RelayRequest(session, number, list(apdus), wait_ms, final)
        self.client.publish(ENCODER.down, DOWN.encode(request), qos=1)

    def call(self, session: int, number: int, *apdus: bytes, wait_ms: int = 0, final: bool = False) -> RelayResponse:
        """Send a request and wait for its answer."""
        self.ask(session, number, *apdus, wait_ms=wait_ms, final=final)
        return self.responses.get(timeout=10)

    def close(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        told = UP.decode(bytes(message.payload))
        if isinstance(told, Hello):
            self.hellos.append(told)
        else:
            self.responses.put(told)


@contextmanager
def running_encoder(tmp_path: Path, broker: Mosquitto) -> Iterator[Encoder]:
    """An encoder on threads of this process."""
    tree = gate_tree(tmp_path, str(tmp_path / "reader"))
    config = check_config(
        {
            "role": "encoder",
            "device": {"site": 1, "group": 1, "number": 9},
            "reader": tree["reader"],
            "broker": {"host": broker.host, "port": broker.port},
        }
    )
    encoder = Encoder(config, Clock())
    thread = threading.Thread(target=encoder.run, daemon=True)
    thread.start()
    try:
        yield encoder
    finally:
        encoder.stop()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def window(tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto) -> Iterator[Window]:
    """A window whose encoder is in service."""
    window = Window(mosquitto_broker)
    with running_encoder(tmp_path, mosquitto_broker):
        wait_for(lambda: any(hello.state == "in_service" for hello in window.hellos))
        yield window
    window.close()


def stock() -> DesfireCard:
    """A personalised card without a ticket."""
    return personalised_card(Random(1), MASTERS)


def test_cloud_issues_a_ticket_over_the_relayed_link(window: Window, reader: SimulatedReader) -> None:
    """The encoder waits for a card, runs the commands, and lets go; keys stay at the other end."""
    card = stock()
    window.ask(7, 1, wait_ms=5000)
    reader.present(card)
    assert window.responses.get(timeout=10).uid == card.uid
    assert window.call(7, 2, wrap(Ins.SELECT_APPLICATION, b"PG1")).responses == [b"\x91\x00"]
    flow = authenticate(CardKey.ISSUER, MASTERS.card_key(card.uid, CardKey.ISSUER), bytes(16))
    challenge = window.call(7, 3, next(flow)).responses[0]
    proof = window.call(7, 4, flow.send(challenge)).responses[0]
    with pytest.raises(StopIteration) as done:
        flow.send(proof)
    commands, check = issuing.issue(done.value.value, b"\x01" + bytes(30), bytes(32))
    check.check(window.call(7, 5, *commands, final=True).responses)
    assert claim_content(card)[:1] == b"\x01"


def test_no_card_in_time_is_told(window: Window) -> None:
    """After `wait_ms`, not later by much."""
    assert window.call(8, 1, wait_ms=100).error == "no_card"


def test_repeated_request_gets_the_same_answer_and_reaches_the_card_once(
    window: Window, reader: SimulatedReader
) -> None:
    """A broker may deliver twice."""
    reader.present(stock())
    first = window.call(9, 1, wait_ms=2000)
    assert window.call(9, 1, wait_ms=2000) == first
    reader.reset_counters()
    answer = window.call(9, 2, wrap(Ins.SELECT_APPLICATION, b"PG1"))
    assert window.call(9, 2, wrap(Ins.SELECT_APPLICATION, b"PG1")) == answer
    assert reader.counters.exchanges == 1


def test_bad_status_stops_the_commands(window: Window, reader: SimulatedReader) -> None:
    """The answers got so far come back, the bad one last."""
    reader.present(stock())
    window.call(10, 1, wait_ms=2000)
    answer = window.call(10, 2, wrap(Ins.SELECT_APPLICATION, b"xyz"), wrap(Ins.SELECT_APPLICATION, b"PG1"))
    assert answer.responses == [b"\x91\xa0"]
    assert answer.error == ""


def test_card_torn_in_a_session_is_told_and_ends_it(window: Window, reader: SimulatedReader) -> None:
    """The next request of that session finds no session."""
    reader.present(stock())
    window.call(11, 1, wait_ms=2000)
    reader.cut_after(0, Cut.BEFORE)
    assert window.call(11, 2, wrap(Ins.SELECT_APPLICATION, b"PG1")).error == "card_lost"
    assert window.call(11, 3, wrap(Ins.SELECT_APPLICATION, b"PG1")).error == "unknown_session"


def test_second_session_meanwhile_is_busy(window: Window, reader: SimulatedReader) -> None:
    """One card, one session."""
    reader.present(stock())
    window.call(12, 1, wait_ms=2000)
    assert window.call(13, 1, wait_ms=2000).error == "busy"
    assert window.call(12, 2, final=True).error == ""
    assert window.call(13, 1, wait_ms=2000, final=True).error == ""


def test_reader_unplugged_in_a_session_is_told(window: Window, reader: SimulatedReader) -> None:
    """The window is not left waiting, and the encoder says that it is out of service, then in service."""
    window.ask(14, 1, wait_ms=5000)
    reader.unplug()
    assert window.responses.get(timeout=10).error == "reader_lost"
    wait_for(lambda: window.hellos[-1].state == "out_of_service: reader")
    reader.replug()
    wait_for(lambda: window.hellos[-1].state == "in_service")
