# SPDX-License-Identifier: Apache-2.0
"""One card session of a whole gate on the real driver: bytes on the air, what is written, and what proves it."""

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from gate_bench import ISSUER, MASTERS, Bench, running_gate, ski_card, usage_of, wait_for
from journal_reading import admissions, outcomes

from pistegate_edge.core import actions as a
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.presentation import LEFT_S
from pistegate_protocol.amendments import Amendment, amendment_in_file, sign_amendment
from pistegate_protocol.desfire.tmac import transaction_mac
from pistegate_protocol.desfire.transactions import use_input
from pistegate_protocol.events import READ_AMENDMENT, READ_CLAIM, admission_name
from pistegate_protocol.records import RecordKind, decode_record, passage_record
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import amendment_content, claim_content, proof, put_usage, recent_records, usage_content

KNOWN_BYTES, FIRST_BYTES = 365, 500  # RF bytes, ISO-DEP both ways, PCB and CRC included, after RATS


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def bench(tmp_path: Path, reader: SimulatedReader) -> Iterator[Bench]:
    """A gate in service."""
    with running_gate(tmp_path, reader) as bench:
        yield bench


def tap(bench: Bench, card: DesfireCard) -> int:
    """One passage of a card; the RF bytes of its session."""
    time.sleep(LEFT_S + 0.1)
    count = len(outcomes(bench.directory))
    bench.reader.reset_counters()
    bench.reader.present(card)
    wait_for(lambda: bench.state() == "open")
    used = bench.reader.counters.rf_bytes
    bench.reader.remove(card)
    bench.turn()
    wait_for(lambda: len(outcomes(bench.directory)) == count + 1)
    return used


def amended(number: int = 1, **changes: object) -> Amendment:
    """A change of the bench's ticket."""
    return Amendment(key_id=1, ticket=4711, number=number, **changes)  # type: ignore[arg-type]


def test_card_that_is_known_costs_365_bytes_at_most_and_a_first_meeting_500(bench: Bench) -> None:
    """Counted by the simulated reader; the claim is read once, also at the next run (below)."""
    card = ski_card()
    assert tap(bench, card) <= FIRST_BYTES
    assert tap(bench, card) <= KNOWN_BYTES
    assert [event.reads for event in admissions(bench.directory)] == [READ_CLAIM, 0]


def test_known_claims_survive_a_restart(tmp_path: Path, reader: SimulatedReader) -> None:
    """A gate that was restarted knows the season's cards, and verifies each claim once more before it believes it."""
    card = ski_card()
    with running_gate(tmp_path, reader) as bench:
        tap(bench, card)
    with running_gate(tmp_path, reader) as bench:
        digest = usage_of(card).claim
        assert bench.gate._known.knows(digest)
        assert not bench.gate._known.is_verified(digest)
        assert tap(bench, card) <= KNOWN_BYTES
        assert bench.gate._known.is_verified(digest)


def test_amendment_is_read_only_when_usage_tells_of_it(bench: Bench) -> None:
    """An amended card costs one more read; the others do not pay for it."""
    plain = tap(bench, ski_card(1))
    card = ski_card(2, amendment=amended(extra_minutes=30))
    assert tap(bench, card) > plain
    assert [event.reads for event in admissions(bench.directory)] == [READ_CLAIM, READ_CLAIM | READ_AMENDMENT]


def test_record_of_the_passage_is_on_the_card(bench: Bench) -> None:
    """Gate and cloud make the same sixteen bytes from the event; the desk reads them before any upload."""
    card = ski_card()
    tap(bench, card)
    (event,) = admissions(bench.directory)
    (outcome,) = wait_for(lambda: outcomes(bench.directory))
    name = admission_name(3, outcome.epoch, outcome.seq)
    (record,) = recent_records(card)
    assert record == passage_record(event.at, False, 3, 1, name)
    decoded = decode_record(record)
    assert (decoded.kind, decoded.device, decoded.value) == (RecordKind.ENTRY, 3, 1)
    assert usage_of(card).admission == name


def test_outcome_carries_the_cards_proof_and_it_covers_what_the_event_tells(bench: Bench) -> None:
    """The TransactionMAC that only the cloud can check, recomputed from the events alone: first and later meetings."""
    card = ski_card()
    for count in (1, 2):
        before, claim_file = usage_content(card), claim_content(card)
        tap(bench, card)
        event, outcome = admissions(bench.directory)[-1], outcomes(bench.directory)[-1]
        assert outcome.proof is not None
        assert outcome.proof == proof(card)
        assert outcome.proof[0] == count
        name = admission_name(3, outcome.epoch, outcome.seq)
        assert event.before == before[:1] + before[17:]
        after = event.counters[:1] + event.claim + name + event.counters[1:]
        assert after == usage_content(card)
        covered = use_input(
            before,
            after,
            passage_record(event.at, event.exit, 3, event.n, name),
            claim_file=claim_file if event.reads & READ_CLAIM else None,
        )
        assert (
            transaction_mac(MASTERS.transaction_key(card.uid), card.uid, outcome.proof[0], covered) == outcome.proof[1]
        )


def test_amendment_known_here_is_written_to_the_card_once(bench: Bench) -> None:
    """The card carries it to gates that have not heard of it; the event names it, and the proof covers it."""
    signed = sign_amendment(amended(2, areas=frozenset({0, 1})), ISSUER)
    bench.gate._passage.judge.facts = Facts(amendments={4711: signed})
    card = ski_card(1, amendment=amended(1, valid_until=date(2098, 1, 1)))
    read = amendment_content(card)
    before = usage_content(card)
    tap(bench, card)
    assert amendment_in_file(amendment_content(card)) == signed
    assert usage_of(card).amended
    event, outcome = admissions(bench.directory)[0], outcomes(bench.directory)[0]
    assert event.amendment == signed
    assert outcome.proof is not None
    name = admission_name(3, outcome.epoch, outcome.seq)
    covered = use_input(
        before,
        usage_content(card),
        passage_record(event.at, False, 3, 1, name),
        claim_file=claim_content(card),
        amendment_read=read,
        amendment_written=signed,
    )
    assert transaction_mac(MASTERS.transaction_key(card.uid), card.uid, outcome.proof[0], covered) == outcome.proof[1]
    tap(bench, card)
    assert admissions(bench.directory)[1].amendment == b""


def test_card_of_the_first_release_goes_on_with_the_new_usage(bench: Bench) -> None:
    """Usage layout 1 is read, layout 2 is written; the event tells both as they are on the card."""
    card = ski_card()
    usage = usage_of(card)
    old = bytes([1]) + usage.claim + b"admitted" + bytes.fromhex("0002 1000 0001 00000000 0003 00 00 00")
    put_usage(card, old)
    tap(bench, card)
    (event,) = admissions(bench.directory)
    assert event.before == old[:1] + old[17:]
    assert event.prev == b"admitted"
    assert usage_of(card).used_total == 3
    assert usage_content(card)[0] & 0x1F == 2


def test_everything_of_a_passage_is_written_or_nothing(bench: Bench) -> None:
    """Usage, record and amendment are one transaction: a commit that never came leaves the card as it was."""
    card = ski_card()
    before = usage_content(card), recent_records(card), amendment_content(card)
    bench.gate._passage.judge.facts = Facts(amendments={4711: sign_amendment(amended(extra_minutes=5), ISSUER)})
    write = bench.gate._perform[a.Write]

    def lift_first(action: a.Write, now: object) -> None:
        assert action.amendment is not None
        bench.reader.remove(card)
        write(action, now)  # type: ignore[arg-type]

    bench.gate._perform[a.Write] = lift_first
    bench.reader.present(card)
    wait_for(lambda: outcomes(bench.directory))
    assert (usage_content(card), recent_records(card), amendment_content(card)) == before
    assert bench.unlocks() == 0
