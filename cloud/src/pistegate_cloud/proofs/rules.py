# SPDX-License-Identifier: Apache-2.0
"""What the counters of one card tell: pure. Which transactions in doubt happened, which counters nobody accounts for.

A card counts every committed transaction. Each counter belongs to a proof that was told, or to a transaction whose
commit was sent and not answered. While devices may still have something to tell, a missing counter tells nothing;
once all have told everything up to a proof, what is missing below it is one of the doubtful ones, or nobody's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

SKEW_MS = 120_000  # clocks of devices differ by less, or their day is wrong and shows otherwise
Place = tuple[int, int, int, int]  # site, gate, epoch, seq; gate 0: the cloud itself


@dataclass(frozen=True, slots=True)
class Told:
    """A proof: where the card's counter stood after a transaction, which device did it, when, and told when (ms)."""

    counter: int
    place: Place
    at_ms: int
    told_ms: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """A transaction whose commit was sent and not answered. `only`: the one counter that it can have, where known.

    `charged`: that it happened is known from elsewhere. `ended` False: its device has not said yet how it went.
    """

    place: Place
    at_ms: int
    only: int | None = None
    charged: bool = False
    ended: bool = True


@dataclass(slots=True)
class Reckoning:
    """What follows. `settled`: by place, whether it was charged. `missing`: counters that nobody accounts for.

    `contradicted`: transactions said to have happened for which no counter is left. `open`: a doubt has not found its
    place yet. `waiting_ms`: what all devices must have told for more to follow; None: nothing waits. `known`: up to
    here everything is accounted for, or shown.
    """

    settled: dict[Place, bool] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    contradicted: list[Place] = field(default_factory=list)
    open: bool = False
    waiting_ms: int | None = None
    known: int = 0


def reckon(base: int, told: Sequence[Told], doubts: Sequence[Doubt], complete_ms: int) -> Reckoning:
    """Weigh all proofs of a card against its doubts. `base`: counter before the first that matters; `complete_ms`:
    all devices have told everything up to then.
    """
    proofs = {proof.counter: proof for proof in told}
    top = max(proofs, default=base)
    gaps = [counter for counter in range(base + 1, top) if counter not in proofs]
    ripe_top = max((c for c, proof in proofs.items() if proof.told_ms < complete_ms), default=base)
    found = Reckoning()
    _settle_void(found, proofs, gaps, doubts)
    candidates = [doubt for doubt in doubts if found.settled.get(doubt.place) is not False]
    ripe = {counter: proof for counter, proof in proofs.items() if counter <= ripe_top}
    placed = _settle_charged(found, ripe, [counter for counter in gaps if counter < ripe_top], candidates)
    found.open = any(doubt.place not in {*found.settled, *placed, *found.contradicted} for doubt in doubts)
    rest = [counter for counter in gaps if counter > ripe_top]
    waits = [proof.told_ms for counter, proof in proofs.items() if rest and counter > rest[0]]
    for doubt in doubts:
        if doubt.charged and doubt.place not in placed:
            waits += [p.told_ms for p in proofs.values() if p.told_ms >= complete_ms and _before(doubt, p)]
    found.waiting_ms = min(waits, default=None)
    found.known = rest[0] - 1 if rest else top
    return found


def _settle_void(found: Reckoning, proofs: Mapping[int, Told], gaps: Iterable[int], doubts: Iterable[Doubt]) -> None:
    """A doubt for which no counter is left, though the card was used later, did not happen."""
    for doubt in doubts:
        if doubt.charged or not doubt.ended or any(_fits(doubt, counter, proofs) for counter in gaps):
            continue
        if doubt.only in proofs or any(_before(doubt, proof) for proof in proofs.values()):
            found.settled[doubt.place] = False


def _settle_charged(
    found: Reckoning, proofs: Mapping[int, Told], gaps: Sequence[int], doubts: Sequence[Doubt]
) -> set[Place]:
    """Of a history that is complete up to its last proof: what fills its gaps, what cannot, and what is missing.

    Those that are known to be charged and have a gap.
    """
    fits = {doubt.place: [c for c in gaps if _fits(doubt, c, proofs)] for doubt in doubts}
    over = {doubt.place for doubt in doubts if any(_before(doubt, proof) for proof in proofs.values())}
    # What may have come after the last proof needs no gap, though it may have one.
    certain = _matched([doubt for doubt in doubts if doubt.charged and doubt.place in over], fits)
    filled = _matched(sorted(doubts, key=lambda doubt: doubt.place not in certain.values()), fits)
    found.missing = [counter for counter in gaps if counter not in filled]
    for doubt in doubts:
        if doubt.charged:
            if doubt.place in over and doubt.place not in certain.values():
                found.contradicted.append(doubt.place)
        elif doubt.ended and fits[doubt.place]:
            without = _matched([other for other in doubts if other is not doubt], fits)
            if len(without) < len(filled) and not set(fits[doubt.place]) & set(found.missing):
                found.settled[doubt.place] = True
            elif doubt.place in over and len(certain) == len(gaps):
                found.settled[doubt.place] = False
    return set(certain.values())


def _fits(doubt: Doubt, counter: int, proofs: Mapping[int, Told]) -> bool:
    """Whether a transaction in doubt may be the one that brought the card to a counter that nobody told."""
    if doubt.only is not None:
        return doubt.only == counter
    wrong = (_before(doubt, proof) if at < counter else _after(doubt, proof) for at, proof in proofs.items())
    return not any(wrong)


def _before(doubt: Doubt, proof: Told) -> bool:
    if doubt.place[:2] == proof.place[:2] and doubt.place[1]:
        return doubt.place < proof.place
    return doubt.at_ms + SKEW_MS < proof.at_ms


def _after(doubt: Doubt, proof: Told) -> bool:
    if doubt.place[:2] == proof.place[:2] and doubt.place[1]:
        return doubt.place > proof.place
    return doubt.at_ms > proof.at_ms + SKEW_MS


def _matched(doubts: Sequence[Doubt], fits: Mapping[Place, Sequence[int]]) -> dict[int, Place]:
    """Counter -> doubt: as many as can be at once (augmenting paths), those that come first among them."""
    owner: dict[int, Place] = {}

    def place(doubt: Place, seen: set[int]) -> bool:
        for counter in fits[doubt]:
            if counter in seen:
                continue
            seen.add(counter)
            if counter not in owner or place(owner[counter], seen):
                owner[counter] = doubt
                return True
        return False

    for doubt in doubts:
        place(doubt.place, set())
    return owner
