# SPDX-License-Identifier: Apache-2.0
"""What comes down an uplink and is not as usual: a restored cloud's acknowledgements, documents that are older."""

from pathlib import Path

from gate_bench import DOCUMENTS
from journal_aging import Hands, acknowledge_all, opened, run_for
from journal_damage import fill
from uplink_wire import Wire, at, uplink

from pistegate_edge.uplink.link import CROSSING_S, FORGOTTEN_EVERY_S
from pistegate_edge.uplink.mqtt import Arrived
from pistegate_protocol.documents import DenyList, sign_document
from pistegate_protocol.events import Stream, first_head
from pistegate_protocol.messages import DOWN, Ack, Batch, Forgotten


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


def test_older_document_is_no_news_while_two_answers_may_have_crossed(tmp_path: Path) -> None:
    """Within a minute of a newer one it is only logged; later somebody plays it back, and that is told."""
    with opened(tmp_path, Hands()) as journal:
        wire = Wire()
        link = uplink(journal, wire)
        newer, older = (Arrived(DOWN.encode(sign_document(DenyList(1, n, 0, []), 1, DOCUMENTS))) for n in (5, 4))
        link.event(newer, at(10.0))
        link.event(older, at(10.0 + CROSSING_S - 1))
        assert wire.incidents == []
        link.event(older, at(10.0 + CROSSING_S))
        assert [each.code for each in wire.incidents] == ["document_refused"]
