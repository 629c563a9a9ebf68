# SPDX-License-Identifier: Apache-2.0
"""From a card's coming into the field to the lane-open command, against what cannot be done without.

The whole gate of the product runs: reader thread, queue, loop, decision, journal, lane, lamps. Only the reader chip is
replaced, by one that hands over a simulated card at once. Card time, taken off, is the two sessions with the card
(reading both files, writing and committing usage); a second figure takes off only the time inside the simulated card,
and so holds the gate's own share of the card cryptography too.

The reference (gate_rig.Floor) is taken before each tap after the same pause.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import Any, NamedTuple
from unittest import mock

from figures import Figure, progress
from gate_bench import ski_card
from gate_rig import Rig, running_rig

from pistegate_edge.core.presentation import JOIN_S
from pistegate_edge.readers import desk
from pistegate_edge.readers.pn532 import Kind
from pistegate_protocol.card_layout import claim_in_file
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import claim_content

SAMPLES = 300
WARM_UP = 20  # taps first, not counted: caches, prepared statements, SQLite's WAL
PAUSE_S = (JOIN_S + 0.1) / 2  # twice between taps: the next one is another guest, not the same pocket
LIMIT = 3.0


class Sample(NamedTuple):
    """Seconds of one tap without the card's sessions, without only its own time, and of the two references."""

    tap: float
    with_cryptography: float
    verification: float
    commit: float


@dataclass
class TimedCard:
    """A card that notes how long it was at work itself, how long its sessions took, and when it was first seen."""

    card: DesfireCard
    inside_s: float = 0.0
    sessions_s: float = 0.0
    seen_at: float = 0.0

    @property
    def uid(self) -> bytes:
        """As a sighting tells it."""
        return self.card.uid

    @property
    def kind(self) -> Kind:
        """As a sighting tells it."""
        return Kind.SKI

    def patient(self, patient: bool) -> None:
        """Nothing is lost here."""

    def transceive(self, apdu: bytes) -> bytes:
        """One exchange."""
        began = perf_counter()
        try:
            return self.card.process(apdu)
        finally:
            self.inside_s += perf_counter() - began


def timed(session: Callable[..., Any]) -> Callable[..., Any]:
    """`read_card` or `write_card`, its time noted on the card."""

    def run(card: TimedCard, *arguments: Any) -> Any:
        began = perf_counter()
        try:
            return session(card, *arguments)
        finally:
            card.sessions_s += perf_counter() - began

    return run


def measure() -> list[Figure]:
    """Taps and references in turn."""
    sessions = mock.patch.multiple(desk, read_card=timed(desk.read_card), write_card=timed(desk.write_card))
    with sessions, running_rig() as rig:
        return _compare(rig)


def _compare(rig: Rig) -> list[Figure]:
    samples: list[Sample] = []
    for number in range(1, WARM_UP + SAMPLES + 1):
        card = TimedCard(ski_card(number))
        signed = claim_in_file(claim_content(card.card))
        assert signed is not None
        sleep(PAUSE_S)  # the gate is asleep when the card comes, as it mostly is
        verification, commit = rig.floor.take(signed)
        sleep(PAUSE_S)
        took = rig.until_open(lambda card=card: rig.reader.cards.put(card)) - card.seen_at  # type: ignore[misc]
        if number > WARM_UP:
            samples.append(Sample(took - card.sessions_s, took - card.inside_s, verification, commit))
            progress(number - WARM_UP, SAMPLES)
    return _figures(samples)


def _figures(samples: list[Sample]) -> list[Figure]:
    taps = [sample.tap for sample in samples]
    reference = median(sample.verification + sample.commit for sample in samples)
    whole = median(sample.with_cryptography for sample in samples)
    how = f"medians of {SAMPLES}; reference: one Ed25519 verification + one durable commit"
    return [
        Figure("gate: tap to lane open / reference", median(taps) / reference, "x", LIMIT, "at most", how),
        Figure("gate: the same with card cryptography", whole / reference, "x", note="only the card's own time off"),
        Figure("gate: tap to lane open", median(taps) * 1000, "ms", note="card sessions off"),
        Figure("gate: tap to lane open, 95 of 100", quantiles(taps, n=20)[-1] * 1000, "ms"),
        Figure("gate: Ed25519 verification", median(sample.verification for sample in samples) * 1000, "ms"),
        Figure("gate: durable commit", median(sample.commit for sample in samples) * 1000, "ms", note="WAL, FULL"),
    ]
