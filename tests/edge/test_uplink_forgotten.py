# SPDX-License-Identifier: Apache-2.0
"""A cloud restored from a backup older than a gate keeps events: the gate says what is gone, and goes on."""

from pathlib import Path
from typing import Any

from gate_bench import DOCUMENTS, public
from journal_aging import Hands, acknowledge_all, opened, run_for
from journal_damage import fill

from pistegate_edge.core.now import Now
from pistegate_edge.downlink import DocumentStore
from pistegate_edge.journal.journal import Journal
from pistegate_edge.uplink.link import FORGOTTEN_EVERY_S, Uplink
from pistegate_edge.uplink.mqtt import Arrived, LinkUp
from pistegate_protocol.events import Stream, first_head
from pistegate_protocol.messages import DOWN, UP, Ack, Batch, Forgotten
from pistegate_protocol.signing import KeyRing


class Wire(list[Any]):
    """What a gate published, decoded."""

    def publish(self, payload: bytes) -> None:
        """Keep it."""
        self.append(UP.decode(payload))


def uplink(journal: Journal, wire: Wire) -> Uplink:
    """A connected gate's."""
    documents = DocumentStore(journal, KeyRing({1: public(DOCUMENTS)}), 1)
    link = Uplink(3, journal, documents, wire, str, lambda incident: None, lambda: None)
    link.event(LinkUp(), at(0.0))
    return link


def at(mono: float) -> Now:
    """A moment."""
    clock = Hands()
    clock.mono += mono
    return clock.now()


def ack(epoch: int, seq: int, head: bytes, generation: int) -> Arrived:
    """The cloud's word."""
    return Arrived(DOWN.encode(Ack(Stream.LEDGER, epoch, seq, head, generation)))


def test_gate_tells_a_restored_cloud_what_is_gone_and_sends_the_rest(tmp_path: Path) -> None:
    """Events 2.. of yesterday are forgotten; a cloud that has only event 1 hears so once a minute, not more often."""
    clock = Hands()
    with opened(tmp_path, clock, keep_days=1) as journal:
        fill(journal, 40)
        journal.meet(1)
        acknowledge_all(journal)
        run_for(journal, clock, 2 * 86_400)
        fill(journal, 4)
        ((first, head),) = [journal.beginning(Stream.LEDGER, journal.epoch)]
        assert first > 2
        wire = Wire()
        link = uplink(journal, wire)
        start = first_head(3, Stream.LEDGER, journal.epoch)
        for mono in (1.0, 2.0):
            link.event(ack(journal.epoch, 0, start, 2), at(mono))
        assert wire == [Forgotten(3, Stream.LEDGER, journal.epoch, first, head)]
        link.event(ack(journal.epoch, 0, start, 2), at(1.0 + FORGOTTEN_EVERY_S))
        assert len(wire) == 2
        wire.clear()
        link.event(ack(journal.epoch, first - 1, head, 2), at(70.0))
        link.tick(at(71.0))
        batch = next(each for each in wire if isinstance(each, Batch) and each.stream is Stream.LEDGER)
        assert (batch.first_seq, batch.previous) == (first, head)
