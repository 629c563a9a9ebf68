# SPDX-License-Identifier: Apache-2.0
"""A whole till on a simulated reader with real drivers: what is asked at its socket is on the card, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import MASTERS, ski_card
from till_running import TILL_NUMBER, running_till

from pistegate_protocol.desfire.tmac import transaction_mac
from pistegate_protocol.events import UseKind, UseResult
from pistegate_protocol.proofs import card_use_input
from pistegate_protocol.records import RecordKind, decode_record
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import proof, purse, recent_records, spent


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def test_debit_is_on_the_card_in_the_journal_and_told(tmp_path: Path, reader: SimulatedReader) -> None:
    """Loads first, then the purse; the card's proof is what the cloud will expect of the event."""
    card = ski_card(purse=1000, loaded=3000, spent=1700)
    with running_till(tmp_path / "till", reader) as bench:
        bench.operator.send(do="debit", id="r1", amount=1800, currency="CNY", item="coffee")
        bench.operator.told("hold_card")
        reader.present(card)
        done = bench.operator.end("r1")
        assert (done["event"], done["amount"], done["balance"]) == ("done", 1800, 500)
        assert done["words"] == "Paid 18.00 CNY. Balance 5.00 CNY."
        (use,) = bench.uses()
        assert bench.results() == [UseResult.DONE]
    assert (purse(card), spent(card)) == (500, -3000)
    assert (use.kind, use.purse, use.loads, use.ticket) == (UseKind.DEBIT, 500, 1300, 4711)
    record = decode_record(recent_records(card)[-1])
    assert (record.kind, record.value, record.device) == (RecordKind.DEBIT, 1800, TILL_NUMBER)
    counter, value = proof(card)
    name = bytes.fromhex(done["use"]["name"])
    expected = transaction_mac(
        MASTERS.transaction_key(card.uid), card.uid, counter, card_use_input(use, TILL_NUMBER, name)
    )
    assert value == expected
