# SPDX-License-Identifier: Apache-2.0
"""A whole gate on a simulated reader: what it tells is what the cloud can check against the card's proof."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import ISSUER, MASTERS, running_gate, ski_card, wait_for
from journal_reading import events

from pistegate_protocol.amendments import Amendment, sign_amendment
from pistegate_protocol.card_layout import AMENDMENT_FILE, padded
from pistegate_protocol.events import READ_CLAIM, Admitted, Outcome, Stream
from pistegate_protocol.proofs import admission_input, lane_codes, proves
from pistegate_protocol.signing import Medium
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.stock import claim_content, usage_content

GATE = 3  # as in the bench's configuration
ANOTHER_PRESENTATION_S = 0.7  # a card that was away for 500 ms is presented anew


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def proved(card: DesfireCard, admitted: Admitted, outcome: Outcome, name: bytes, amendment: bytes | None) -> bool:
    """Whether the cloud, which has issued claim and amendment, believes the gate."""
    assert outcome.proof is not None
    inputs = [
        admission_input(admitted, name, code, claim_file=claim_content(card), amendment_file=amendment)
        for code in lane_codes(1, GATE)
    ]
    return proves(MASTERS.transaction_key(card.uid), card.uid, outcome.proof, inputs)


@pytest.mark.parametrize("amended", [False, True])
def test_what_a_gate_tells_is_what_the_card_proves(tmp_path: Path, reader: SimulatedReader, amended: bool) -> None:
    """At the first meeting the claim is read, later it is not; an amendment on the card is in the proof as well."""
    amendment = Amendment(key_id=1, ticket=4711, number=1) if amended else None
    card = ski_card(amendment=amendment)
    file = padded(sign_amendment(amendment, ISSUER), AMENDMENT_FILE) if amendment else None
    reads = []
    with running_gate(tmp_path, reader) as bench:
        for rides in (1, 2):
            reader.present(card)
            wait_for(lambda: bench.state() == "open")
            reader.remove(card)
            bench.turn()
            wait_for(lambda rides=rides: len(told(bench.directory, Outcome)) == rides)
            admitted, outcome = told(bench.directory, Admitted)[-1], told(bench.directory, Outcome)[-1]
            assert Medium.from_bytes(admitted.medium).id == card.uid
            assert proved(card, admitted, outcome, usage_content(card)[9:17], file)
            assert not proved(card, admitted, outcome, b"nobody's", file)
            reads.append(bool(admitted.reads & READ_CLAIM))
            time.sleep(ANOTHER_PRESENTATION_S)
    assert reads == [True, False]


def told(directory: Path, kind: type) -> list:
    """The gate's events of a kind."""
    return [event for event in events(directory, Stream.LEDGER) if isinstance(event, kind)]
