# SPDX-License-Identifier: Apache-2.0
"""A till and the cloud over a real broker: events go up, documents come down, and the cloud uses the till's reader."""

import queue
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from gate_bench import DOCUMENTS, ISSUER, MASTERS, ski_card, wait_for
from paho.mqtt.enums import CallbackAPIVersion
from servers import Mosquitto
from till_running import TILL_NUMBER, TillBench, running_till

from pistegate_edge.till.core.machine import State
from pistegate_protocol.card_layout import AID, CardKey
from pistegate_protocol.desfire import issuing
from pistegate_protocol.desfire.card_commands import select_application
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, without_session
from pistegate_protocol.documents import DOCUMENT_NAMES, LoadList, LostCards, sign_document
from pistegate_protocol.events import EVENTS, CardUse, CardUseEnded, Stream, first_head, next_head
from pistegate_protocol.messages import DOWN, UP, Ack, Batch, Hello, RelayRequest, RelayResponse
from pistegate_protocol.topics import Device, Role
from pistegate_protocol.wallet import LoadStatement, sign_load
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import purse

TILL = Device(1, Role.TILL, TILL_NUMBER)


class Office:
    """The cloud at the other end: acknowledges events, sends documents, speaks to cards by relay."""

    def __init__(self, broker: Mosquitto) -> None:
        self.hellos: list[Hello] = []
        self.events: list[object] = []
        self.responses: queue.SimpleQueue[RelayResponse] = queue.SimpleQueue()
        self._heads: dict[tuple[int, int], tuple[int, bytes]] = {}
        ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="office")
        self.client.on_message = self._message
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(broker.host, broker.port)
        self.client.subscribe(TILL.up, qos=1)
        self.client.loop_start()
        assert ready.wait(5)

    def say(self, message: Any) -> None:
        """One message down to the till."""
        self.client.publish(TILL.down, DOWN.encode(message), qos=1)

    def call(self, session: int, number: int, *apdus: bytes, wait_ms: int = 0, final: bool = False) -> RelayResponse:
        """A relay request and its answer."""
        self.say(RelayRequest(session, number, list(apdus), wait_ms, final))
        return self.responses.get(timeout=10)

    def run(self, session: int, first: int, flow: Generator[bytes, bytes, Any]) -> tuple[Any, int]:
        """A flow over the relay, one exchange a request: its result, and the next request's number."""
        number = first
        try:
            apdu = next(flow)
            while True:
                apdu = flow.send(self.call(session, number, apdu).responses[0])
                number += 1
        except StopIteration as done:
            return done.value, number + 1

    def close(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        told = UP.decode(bytes(message.payload))
        if isinstance(told, Hello):
            self.hellos.append(told)
        elif isinstance(told, RelayResponse):
            self.responses.put(told)
        elif isinstance(told, Batch):
            key = (int(told.stream), told.epoch)
            seq, head = self._heads.setdefault(key, (0, first_head(TILL_NUMBER, Stream(told.stream), told.epoch)))
            for number, payload in enumerate(told.payloads, told.first_seq):
                if number == seq + 1:
                    seq, head = number, next_head(head, payload)
                    self.events.append(EVENTS.decode(payload))
            self._heads[key] = seq, head
            self.say(Ack(told.stream, told.epoch, seq, head, 1))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def office(mosquitto_broker: Mosquitto) -> Iterator[Office]:
    """The cloud."""
    office = Office(mosquitto_broker)
    yield office
    office.close()


@pytest.fixture
def bench(tmp_path: Path, reader: SimulatedReader, office: Office, mosquitto_broker: Mosquitto) -> Iterator[TillBench]:
    """A till that is connected."""
    broker = {"host": mosquitto_broker.host, "port": mosquitto_broker.port}
    with running_till(tmp_path / "till", reader, broker=broker) as bench:
        wait_for(lambda: any(hello.state.startswith("in_service") for hello in office.hellos))
        yield bench


def issuer_session(office: Office, card: DesfireCard, session: int) -> tuple[Ev2Session, int]:
    """The cloud authenticates with the issuer key, which no till has."""
    assert office.call(session, 1, wait_ms=5000).uid == card.uid
    _, number = office.run(session, 2, without_session(select_application(AID)))
    key = MASTERS.card_key(card.uid, CardKey.ISSUER)
    return office.run(session, number, authenticate(CardKey.ISSUER, key, bytes(16)))


def debit(bench: TillBench, id: str, amount: int = 1800) -> dict[str, Any]:
    """A debit of the card on the reader."""
    return bench.operator.ask(do="debit", id=id, amount=amount, currency="CNY")


def test_uses_go_up_with_their_proof(bench: TillBench, office: Office, reader: SimulatedReader) -> None:
    """What the till did and how it ended, as a gate's passages do."""
    reader.present(ski_card(purse=5000))
    debit(bench, "r1")
    wait_for(lambda: any(isinstance(event, CardUseEnded) for event in office.events))
    (use,) = [event for event in office.events if isinstance(event, CardUse)]
    (end,) = [event for event in office.events if isinstance(event, CardUseEnded)]
    assert use.purse == 1800
    assert end.proof is not None
    assert end.proof[0] == 1


def test_documents_come_down_and_hold_at_once(bench: TillBench, office: Office, reader: SimulatedReader) -> None:
    """A load is there when the cloud has signed it; a card reported lost is refused from then on."""
    card = ski_card(purse=0)
    reader.present(card)
    assert debit(bench, "r1")["code"] == "balance_too_small"
    statement = LoadStatement(key_id=1, uid=card.uid, number=1, loaded=5000, currency="CNY")
    office.say(sign_document(LoadList(1, 1, 0, [sign_load(statement, ISSUER)]), 1, DOCUMENTS))
    wait_for(lambda: DOCUMENT_NAMES[LoadList] in office.hellos[-1].documents)
    assert bench.operator.ask(do="load", id="r2")["balance"] == 5000
    assert debit(bench, "r3")["balance"] == 3200
    office.say(sign_document(LostCards(1, 1, 0, [card.uid]), 1, DOCUMENTS))
    wait_for(lambda: DOCUMENT_NAMES[LostCards] in office.hellos[-1].documents)
    assert debit(bench, "r4")["code"] == "card_lost"


def test_cloud_credits_the_purse_by_relay_and_the_operator_waits(
    bench: TillBench, office: Office, reader: SimulatedReader
) -> None:
    """While the cloud holds the card the till says so; afterwards the money is there for the operator's debit."""
    card = ski_card(purse=0)
    reader.present(card)
    session, number = issuer_session(office, card, 7)
    assert debit(bench, "r1")["code"] == "busy_cloud"
    commands, check = issuing.credit_purse(session, 5000)
    check.check(office.call(7, number, *commands, final=True).responses)
    assert purse(card) == 5000
    wait_for(lambda: bench.till._core.state is State.IDLE)
    assert debit(bench, "r1")["event"] == "done"
    assert purse(card) == 3200


def test_cloud_waits_while_the_operator_is_served(bench: TillBench, office: Office, reader: SimulatedReader) -> None:
    """It is told that the reader is busy, and gets it when the request is over."""
    bench.operator.send(do="debit", id="r1", amount=1, currency="CNY")
    bench.operator.told("hold_card")
    assert office.call(8, 1, wait_ms=1000).error == "busy"
    assert office.call(8, 2).error == "unknown_session"
    bench.operator.send(do="cancel", id="r1")
    bench.operator.end("r1")
    reader.present(ski_card())
    assert office.call(9, 1, wait_ms=2000, final=True).error == ""


def test_cloud_that_finds_no_card_gives_the_reader_back(bench: TillBench, office: Office) -> None:
    """After the time that it asked for; the operator's next request is served."""
    assert office.call(10, 1, wait_ms=200).error == "no_card"
    wait_for(lambda: bench.till._core.state is State.IDLE)
    ended = bench.operator.ask(do="show", id="look", wait_s=0.2)
    assert ended["code"] == "no_card"


def test_reader_unplugged_under_the_cloud_gives_the_reader_back(
    bench: TillBench, office: Office, reader: SimulatedReader
) -> None:
    """The cloud is told, and nobody is left holding the reader."""
    office.say(RelayRequest(11, 1, [], 10_000))
    wait_for(lambda: bench.till._core.state is State.RELAYING)
    assert debit(bench, "r1")["code"] == "busy_cloud"
    reader.unplug()
    assert office.responses.get(timeout=10).error == "reader_lost"
    reader.replug()
    reader.present(ski_card(purse=5000))
    assert debit(bench, "r2")["event"] == "done"
