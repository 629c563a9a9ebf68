# SPDX-License-Identifier: Apache-2.0
"""What comes down an uplink and is not as usual: a restored cloud's acknowledgements, documents that are older."""

from pathlib import Path

import pytest
from document_kinds import document, sent
from gate_bench import DOCUMENTS, ISSUER
from journal_aging import Hands, acknowledge_all, opened, run_for
from journal_damage import fill
from uplink_wire import Wire, at, uplink

from pistegate_edge.uplink.link import CROSSING_S, FORGOTTEN_EVERY_S, Uplink
from pistegate_edge.uplink.mqtt import Arrived
from pistegate_protocol.documents import DOCUMENT_NAMES, DenyList, Document, sign_document
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


def told_and_refused(link: Uplink, wire: Wire, payload: bytes, mono: float) -> str:
    """The incident that a message down brings; nothing else may come of it."""
    wire.incidents.clear()
    before = link._documents.versions(), link._documents.facts
    link.event(Arrived(payload), at(mono))
    assert (link._documents.versions(), link._documents.facts) == before
    (incident,) = wire.incidents
    return incident.code


TELLING = {"document_refused", "message_malformed", "cloud_newer"}


@pytest.mark.parametrize("kind", list(DOCUMENT_NAMES), ids=lambda kind: DOCUMENT_NAMES[kind])
def test_no_harmed_document_is_applied_or_goes_untold(tmp_path: Path, kind: type[Document]) -> None:
    """Of every kind: each bit turned, cut short anywhere, another site's, a retired key's, older, played back."""
    with opened(tmp_path, Hands()) as journal:
        wire = Wire()
        link = uplink(journal, wire)
        good = DOWN.encode(sent(document(kind, 5)))
        for bit in range(8 * len(good)):
            turned = bytearray(good)
            turned[bit // 8] ^= 1 << bit % 8
            assert told_and_refused(link, wire, bytes(turned), bit) in TELLING
        for length in range(1, len(good)):
            assert told_and_refused(link, wire, good[:length], length) in TELLING
        for harmed in (sent(document(kind, 5, site=2)), sent(document(kind, 5), ISSUER)):
            assert told_and_refused(link, wire, DOWN.encode(harmed), 1.0) == "document_refused"
        retired = DOWN.encode(sign_document(document(kind, 5), 2, DOCUMENTS))
        assert told_and_refused(link, wire, retired, 1.0) == "document_refused"
        link.event(Arrived(good), at(10.0))
        assert link._documents.versions() == {DOCUMENT_NAMES[kind]: 5}
        older = DOWN.encode(sent(document(kind, 4, [])))
        assert told_and_refused(link, wire, older, 10.0 + CROSSING_S) == "document_refused"
        wire.incidents.clear()
        link.event(Arrived(good), at(10.0 + CROSSING_S))  # played back as it is: nothing to tell, nothing to do
        assert wire.incidents == []
