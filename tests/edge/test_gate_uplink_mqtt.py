# SPDX-License-Identifier: Apache-2.0
"""A whole gate against a real Mosquitto, with a small cloud that acknowledges what it stored."""

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from gate_bench import DOCUMENTS, Bench, running_gate, ski_card, wait_for
from journal_reading import incidents, refusals
from paho.mqtt.enums import CallbackAPIVersion
from servers import Mosquitto

from pistegate_edge.core.presentation import JOIN_S
from pistegate_edge.uplink import link as uplink_link
from pistegate_protocol.documents import DenyList, sign_document
from pistegate_protocol.events import EVENTS, Admitted, Outcome, Stream, first_head, next_head
from pistegate_protocol.messages import DOWN, UP, Ack, Batch, DocumentWanted, HeldDocument, Hello, Notice
from pistegate_protocol.topics import Device, Role
from pistegate_simulators.reader import SimulatedReader

GATE = Device(1, Role.GATE, 3)


class SmallCloud:
    """Stores what arrives in memory, checks the chains, acknowledges the contiguous prefix."""

    def __init__(self, broker: Mosquitto, *, acknowledge: bool = True) -> None:
        self.events: dict[tuple[int, int], list[bytes]] = {}
        self.heads: dict[tuple[int, int], bytes] = {}
        self.hellos: list[Hello] = []
        self.given_back: list[HeldDocument] = []
        self.duplicates = 0
        self.generation = 1
        self._acknowledge = acknowledge
        self._up: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="small-cloud")
        self.client.on_message = self._message
        self.client.on_subscribe = lambda *_: self._up.put(True)
        self.client.connect(broker.host, broker.port)
        self.client.subscribe(GATE.up, qos=1)
        self.client.loop_start()
        self._up.get(timeout=5)

    def say(self, payload: bytes) -> None:
        """One message down to the gate."""
        self.client.publish(GATE.down, payload, qos=1)

    def close(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()

    def kinds(self, stream: Stream) -> list[object]:
        """Every event stored of a stream."""
        return [EVENTS.decode(p) for key, payloads in self.events.items() if key[0] == stream for p in payloads]

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        told = UP.decode(bytes(message.payload))
        if isinstance(told, Hello):
            self.hellos.append(told)
        elif isinstance(told, Batch):
            self._store(told)
        elif isinstance(told, HeldDocument):
            self.given_back.append(told)

    def restore(self, kept: int) -> None:
        """Yesterday's backup: of each chain the first events, under another generation."""
        for key, payloads in self.events.items():
            del payloads[kept:]
            self.heads[key] = first_head(GATE.number, Stream(key[0]), key[1])
            for payload in payloads:
                self.heads[key] = next_head(self.heads[key], payload)
        self.generation += 1

    def _store(self, batch: Batch) -> None:
        key = (int(batch.stream), batch.epoch)
        stored = self.events.setdefault(key, [])
        head = self.heads.setdefault(key, first_head(batch.device, batch.stream, batch.epoch))
        for seq, payload in enumerate(batch.payloads, batch.first_seq):
            if seq == len(stored) + 1:
                stored.append(payload)
                head = next_head(head, payload)
            elif seq <= len(stored):
                assert stored[seq - 1] == payload
                self.duplicates += 1
        self.heads[key] = head
        if self._acknowledge:
            self.say(DOWN.encode(Ack(batch.stream, batch.epoch, len(stored), head, self.generation)))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def cloud(mosquitto_broker: Mosquitto) -> Iterator[SmallCloud]:
    """A cloud that acknowledges."""
    cloud = SmallCloud(mosquitto_broker)
    yield cloud
    cloud.close()


def broker_of(broker: Mosquitto) -> dict[str, Any]:
    """The gate's [broker]."""
    return {"host": broker.host, "port": broker.port, "keepalive_s": 30}


def ride(bench: Bench, number: int) -> None:
    """One skier through."""
    card = ski_card(number)
    bench.reader.present(card)
    wait_for(lambda: bench.state() == "open")
    bench.reader.remove(card)
    bench.turn()
    wait_for(lambda: bench.state() == "idle")
    time.sleep(JOIN_S + 0.1)  # the next one is another guest, not the same pocket


def test_rides_reach_the_cloud_and_are_acknowledged(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto, cloud: SmallCloud
) -> None:
    """Admissions and outcomes are stored once in the cloud, then marked as acknowledged at the gate."""
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
        for number in (1, 2):
            ride(bench, number)
        wait_for(lambda: len([e for e in cloud.kinds(Stream.LEDGER) if isinstance(e, Outcome)]) == 2)
        wait_for(lambda: bench.gate._uplink._core.backlog() == 0)
    assert len([e for e in cloud.kinds(Stream.LEDGER) if isinstance(e, Admitted)]) == 2
    services = {"in_service", "out_of_service: stopping"}
    assert cloud.hellos[-1].state in {f"{service}; connected, group of 1; lab only" for service in services}
    assert cloud.duplicates == 0


def test_without_acknowledgement_nothing_is_forgotten_and_the_next_run_sends_it_again(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto
) -> None:
    """A broker's PUBACK is no receipt: only the cloud's word marks events as stored."""
    silent = SmallCloud(mosquitto_broker, acknowledge=False)
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
        ride(bench, 1)
        wait_for(lambda: any(isinstance(e, Outcome) for e in silent.kinds(Stream.LEDGER)))
    silent.close()
    cloud = SmallCloud(mosquitto_broker)
    try:
        with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
            wait_for(lambda: bench.gate._uplink._core.backlog() == 0)
    finally:
        cloud.close()
    assert len([key for key in cloud.events if key[0] == Stream.LEDGER]) == 2
    assert any(isinstance(e, Outcome) for e in cloud.kinds(Stream.LEDGER))


def test_cloud_restored_from_a_backup_gets_everything_again(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto, cloud: SmallCloud
) -> None:
    """Another generation: what was acknowledged is sent once more, of earlier runs too, and the attendant is told."""
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
        ride(bench, 1)
        wait_for(lambda: bench.gate._uplink._core.backlog() == 0)
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
        ride(bench, 2)
        wait_for(lambda: bench.gate._uplink._core.backlog() == 0)
        before = {key: list(payloads) for key, payloads in cloud.events.items()}
        cloud.restore(kept=1)
        ride(bench, 3)
        wait_for(lambda: len([e for e in cloud.kinds(Stream.LEDGER) if isinstance(e, Outcome)]) == 3)
        wait_for(lambda: bench.gate._uplink._core.backlog() == 0)
        assert "cloud_restored" in incidents(tmp_path)
        for key, payloads in before.items():
            assert cloud.events[key][: len(payloads)] == payloads


def test_document_that_the_cloud_lost_is_given_back_as_it_was_signed(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto, cloud: SmallCloud
) -> None:
    """Only what is in force; for a name that it has nothing of, the gate says nothing."""
    signed = sign_document(DenyList(1, 5, 1, [(4711, 1)]), 1, DOCUMENTS)
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)):
        wait_for(lambda: cloud.hellos)
        cloud.say(DOWN.encode(DocumentWanted("deny_list")))
        cloud.say(DOWN.encode(signed))
        wait_for(lambda: cloud.hellos[-1].documents.get("deny_list") == 5)
        assert not cloud.given_back
        cloud.say(DOWN.encode(DocumentWanted("deny_list")))
        wait_for(lambda: cloud.given_back)
    assert cloud.given_back == [HeldDocument(GATE.number, signed.key_id, signed.body, signed.signature)]


def test_deny_list_is_applied_told_and_survives_a_restart(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto, cloud: SmallCloud
) -> None:
    """A revoked ticket is refused from the document on, after a restart too; Hello tells the version."""
    denied = sign_document(DenyList(1, 5, 0, [(4711, 1)]), 1, DOCUMENTS)
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)):
        wait_for(lambda: cloud.hellos)
        cloud.say(DOWN.encode(denied))
        wait_for(lambda: cloud.hellos[-1].documents == {"deny_list": 5})
        reader.present(ski_card(1))
        wait_for(lambda: refusals(tmp_path) == ["revoked"])
        reader.remove()
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)):
        reader.present(ski_card(2))
        wait_for(lambda: refusals(tmp_path) == ["revoked", "revoked"])
        reader.remove()


def test_documents_that_must_not_be_applied_are_told_and_change_nothing(
    tmp_path: Path,
    reader: SimulatedReader,
    mosquitto_broker: Mosquitto,
    cloud: SmallCloud,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A deny list signed by nobody we know, or an older one that is played back, is an incident."""
    monkeypatch.setattr(uplink_link, "CROSSING_S", 0.0)
    good = sign_document(DenyList(1, 5, 0, []), 1, DOCUMENTS)
    stale = sign_document(DenyList(1, 4, 0, []), 1, DOCUMENTS)
    foreign = sign_document(DenyList(1, 9, 0, []), 7, DOCUMENTS)
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)):
        wait_for(lambda: cloud.hellos)
        for signed in (good, good, stale, foreign):  # the same one twice is no incident
            cloud.say(DOWN.encode(signed))
        wait_for(lambda: incidents(tmp_path).count("document_refused") == 2)
        time.sleep(0.2)
    assert incidents(tmp_path).count("document_refused") == 2
    assert cloud.hellos[-1].documents == {"deny_list": 5}


def test_message_of_a_newer_version_is_told_and_passages_go_on(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto, cloud: SmallCloud
) -> None:
    """Bad input: another codec version, or garbage, from the cloud is an incident, never a crash."""
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
        wait_for(lambda: cloud.hellos)
        cloud.say(b"\x02" + DOWN.encode(Notice("x", "y"))[1:])
        wait_for(lambda: "cloud_newer" in incidents(tmp_path))
        cloud.say(b"\x01\xc1\xff")
        wait_for(lambda: "message_malformed" in incidents(tmp_path))
        ride(bench, 1)


def test_two_gates_with_one_identity_are_told_by_the_acknowledgement_of_a_stranger(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto, cloud: SmallCloud
) -> None:
    """Bad input: an acknowledgement of an epoch or a head that this gate never wrote forgets nothing."""
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
        wait_for(lambda: cloud.hellos)
        wait_for(lambda: bench.gate._uplink._core.backlog() == 0)
        cloud.say(DOWN.encode(Ack(Stream.LEDGER, 12345, 7, bytes(32), 1)))
        wait_for(lambda: "identity_conflict" in incidents(tmp_path))
        cloud.say(DOWN.encode(Ack(Stream.LEDGER, bench.gate._journal.epoch, 1, bytes(32), 1)))
        ride(bench, 1)
    assert incidents(tmp_path).count("identity_conflict") == 1  # told once, not for every message


def test_a_copied_gate_is_told_by_the_cloud(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto, cloud: SmallCloud
) -> None:
    """Its storage ran twice: the cloud's notice is an incident, shown at the lane, once in a while; passages go on."""
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
        wait_for(lambda: cloud.hellos)
        for _ in range(3):
            cloud.say(DOWN.encode(Notice("identity_conflict", "two histories")))
        wait_for(lambda: "identity_conflict" in incidents(tmp_path))
        ride(bench, 1)
    assert incidents(tmp_path).count("identity_conflict") == 1


def test_two_gates_with_one_identity_are_told_by_the_broker_throwing_them_out(
    tmp_path: Path, reader: SimulatedReader, mosquitto_broker: Mosquitto
) -> None:
    """Bad input: a cloned gate's connections take turns with ours; the conflict is told, passages go on."""
    stop = threading.Event()

    def clone() -> None:
        while not stop.wait(0.3):
            client = paho.Client(CallbackAPIVersion.VERSION2, client_id="pistegate-gate-1-3")
            client.connect(mosquitto_broker.host, mosquitto_broker.port)
            client.loop_start()
            stop.wait(0.3)
            client.disconnect()
            client.loop_stop()

    thread = threading.Thread(target=clone, daemon=True)
    with running_gate(tmp_path, reader, broker=broker_of(mosquitto_broker)) as bench:
        thread.start()
        wait_for(lambda: "identity_conflict" in incidents(tmp_path), 30)
        stop.set()
        thread.join()
        ride(bench, 1)
