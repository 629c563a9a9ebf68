# SPDX-License-Identifier: Apache-2.0
"""Every cut point of a gate's transaction, and every way the card comes back: charged or not, never both, never lost.

The card is torn out before, during and after each exchange; then it comes to the same lane, to another lane of the
post, to another post, or never. What the gates journaled goes through the cloud's own rules in the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from gate_bench import claim, ski_card, usage_of
from torn_bench import AWAY_S, Cut, HeldCard, Lane, Mountain, merged, mountain

from pistegate_cloud.passages.rules import counts, settlement, twins
from pistegate_edge.core.owed import OWED_S
from pistegate_edge.core.passage import State
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind, Settled
from pistegate_protocol.usage import Usage
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import proof, recent_records

FIRST_MEETING = (
    "select",
    "authenticate 1",
    "authenticate 2",
    "usage",
    "claim",
    "write usage",
    "write record",
    "commit",
)
KNOWN_CLAIM = tuple(step for step in FIRST_MEETING if step != "claim")
COMMIT = "commit"
RETURNS = ("same lane", "other lane", "other post", "never")
TERMS = {"entries_total": 3, "reentry_s": 600}
TELLING = {"prompt.again", "prompt.reading", "reason.unreadable"}


@dataclass
class Tap:
    """An admission as the cloud's rules look at it."""

    name: str
    prev: str
    ticket: int
    claim: str
    medium: str
    at_ms: int
    day: date
    charged: int
    n: int
    gate: int
    state: str = "open"
    settled: str | None = None
    passed: int = 0
    reoffer: bool = False


def taps_of(lanes: Sequence[Lane]) -> list[Tap]:
    """All admissions with their outcomes and what gates settled, then settled by the cloud as far as it can."""
    taps: dict[bytes, Tap] = {}
    by_ref: dict[tuple[int, int, int], Tap] = {}
    for gate, name, event in merged(lanes):
        if isinstance(event, Admitted):
            day = date(2026, 1, 15)
            names = name.hex(), event.prev.hex(), event.ticket, event.claim.hex(), event.medium.hex()
            tap = Tap(*names, event.at, day, event.charged, event.n, gate, reoffer=event.reoffer_of is not None)
            taps[name] = tap
    for lane in lanes:
        for seq, (name, event) in enumerate(lane.ledger(), start=1):
            if isinstance(event, Admitted):
                by_ref[lane.number, lane.journal.epoch, seq] = taps[name]
        for _, event in lane.ledger():
            if isinstance(event, Outcome):
                tap = by_ref[lane.number, event.epoch, event.seq]
                assert tap.state == "open", "two outcomes of one admission"
                tap.state, tap.passed = OutcomeKind(event.kind).name.lower(), event.passed
            elif isinstance(event, Settled):
                by_ref[lane.number, event.epoch, event.seq].settled = "charged" if event.charged else "void"
    found = list(taps.values())
    for tap in found:
        told = settlement(tap, found)
        tap.settled = told or tap.settled
    return found


def come_back(place: Mountain, card: DesfireCard, returns: str) -> Lane | None:
    """The guest tries once more as told, and goes back to the first lane when the other one says so."""
    if returns == "never":
        return None
    lane = place.lanes[{"same lane": 3, "other lane": 4, "other post": 7}[returns]]
    lane.hold(HeldCard(card))
    if lane.passage.state is State.OPEN:
        return lane
    assert lane.shown[-1] == "reason.passback", lane.shown
    lane.leave()
    first = place.lanes[3]
    first.hold(HeldCard(card))
    assert first.passage.state is State.OPEN, "sent back to the first lane, and not let in there"
    return first


def check_books(place: Mountain, card: DesfireCard, before: Usage, passed: int) -> None:
    """What the cloud makes of the journals is what happened to the card and the guest."""
    taps = taps_of(list(place.lanes.values()))
    assert all(tap.state != "open" for tap in taps), "an admission without an outcome"
    doubtful = [tap for tap in taps if tap.state == "card_unconfirmed" and tap.settled is None]
    charged = sum(tap.charged for tap in taps if counts(tap))
    on_card = usage_of(card).used_total - before.used_total
    written = [tap for tap in doubtful if tap.name == usage_of(card).admission.hex()]
    assert len(doubtful) <= 1, "more than one admission in doubt"
    assert charged - sum(tap.charged for tap in doubtful) + sum(tap.charged for tap in written) == on_card
    assert sum(tap.passed for tap in taps) == passed
    assert not twins(taps), "honest gates look like a card that was turned back"
    # Each commit is proved by an answer, or belongs to an admission that said that its answer never came.
    proofs = [e.proof[0] for _, _, e in merged(list(place.lanes.values())) if isinstance(e, Outcome) and e.proof]
    missing = set(range(1, proof(card)[0] + 1)) - set(proofs)
    assert len(missing) <= sum(tap.state == "card_unconfirmed" for tap in taps)
    assert len(proofs) == len(set(proofs))
    assert len(recent_records(card)) == proof(card)[0]


def torn_once(place: Mountain, card: DesfireCard, at: int, cut: Cut) -> Lane:
    """The guest holds the card to lane 3, and it is torn at exchange `at`; he is told what to do at once."""
    lane = place.lanes[3]
    seen = len(lane.shown)
    held = HeldCard(card, at, cut)
    lane.hold(held)
    assert held.torn
    assert lane.passage.state is State.IDLE, "the lane opened for a torn card"
    assert set(lane.shown[seen:]) & TELLING, f"nobody told the guest anything: {lane.shown[seen:]}"
    lane.leave()
    return lane


@pytest.mark.parametrize("returns", RETURNS)
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("step", FIRST_MEETING)
def test_torn_at_first_meeting_is_charged_once_or_not_at_all(tmp_path: Path, step: str, cut: Cut, returns: str) -> None:
    """A card that no gate has met: exactly one charge for exactly one passage, wherever it is torn."""
    with mountain(tmp_path) as place:
        card = ski_card(1, claim(**TERMS))
        before = usage_of(card)
        torn_once(place, card, FIRST_MEETING.index(step), cut)
        done = step == COMMIT and cut in (Cut.DURING_DONE, Cut.AFTER)
        assert usage_of(card).used_total == int(done), "torn, and neither old nor new"
        lane = come_back(place, card, returns)
        passed = lane.walk() if lane else 0
        check_books(place, card, before, passed)
        if returns in ("same lane", "other lane"):
            assert usage_of(card).used_total == 1, "one passage, one charge"
        if returns == "other post":
            assert usage_of(card).used_total == 1 + int(done), "another post knows nothing of what is owed here"


@pytest.mark.parametrize("returns", RETURNS)
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("step", KNOWN_CLAIM)
def test_torn_with_a_known_claim_is_charged_once_or_not_at_all(
    tmp_path: Path, step: str, cut: Cut, returns: str
) -> None:
    """The same for a card whose claim the lanes have read before: one exchange less, the same truth."""
    with mountain(tmp_path) as place:
        card = ski_card(2, claim(**TERMS))
        started = usage_of(card)
        walked = 0
        for lane in place.lanes.values():
            lane.hold(HeldCard(card))
            walked += lane.walk()
            lane.leave()
            place.clock.seconds += TERMS["reentry_s"]
            if walked == 1:
                break
        torn_once(place, card, KNOWN_CLAIM.index(step), cut)
        lane_back = come_back(place, card, returns)
        walked += lane_back.walk() if lane_back else 0
        check_books(place, card, started, walked)


@pytest.mark.parametrize("cut", [Cut.DURING_DONE, Cut.AFTER])
def test_owed_entry_is_honoured_once(tmp_path: Path, cut: Cut) -> None:
    """Charged and not let in: the same lane lets the guest in for it once, and then the ticket has just entered."""
    with mountain(tmp_path) as place:
        card = ski_card(3, claim(**TERMS))
        before = usage_of(card)
        lane = torn_once(place, card, FIRST_MEETING.index(COMMIT), cut)
        lane.hold(HeldCard(card))
        assert lane.walk() == 1
        lane.leave()
        lane.hold(HeldCard(card))
        assert lane.passage.state is State.IDLE
        assert lane.shown[-1] == "reason.passback"
        lane.leave()
        check_books(place, card, before, 1)


def test_owed_entry_is_not_honoured_for_ever(tmp_path: Path) -> None:
    """After 120 s nobody is owed: the card decides normally."""
    with mountain(tmp_path) as place:
        card = ski_card(4, claim(**TERMS))
        before = usage_of(card)
        lane = torn_once(place, card, FIRST_MEETING.index(COMMIT), Cut.AFTER)
        place.clock.seconds += OWED_S + AWAY_S
        lane.hold(HeldCard(card))
        assert lane.passage.state is State.IDLE
        assert lane.shown[-1] == "reason.passback"
        lane.leave()
        check_books(place, card, before, 0)


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("step", KNOWN_CLAIM)
def test_torn_again_while_an_owed_entry_is_offered(tmp_path: Path, step: str, cut: Cut) -> None:
    """The re-offer is torn too, at any exchange: still one charge, one passage, and the guest gets in."""
    with mountain(tmp_path) as place:
        card = ski_card(5, claim(**TERMS))
        before = usage_of(card)
        lane = torn_once(place, card, FIRST_MEETING.index(COMMIT), Cut.AFTER)
        torn_once(place, card, KNOWN_CLAIM.index(step), cut)
        lane.hold(HeldCard(card))
        assert lane.walk() == 1
        lane.leave()
        assert usage_of(card).used_total == 1
        lane.hold(HeldCard(card))
        assert lane.passage.state is State.IDLE, "a spent re-offer was honoured again"
        lane.leave()
        check_books(place, card, before, 1)


@pytest.mark.parametrize("returns", RETURNS)
@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("step", FIRST_MEETING)
def test_torn_party_card_charges_its_persons_once(tmp_path: Path, step: str, cut: Cut, returns: str) -> None:
    """A party of four in batches of two: persons charged are persons that passed or are owed."""
    with mountain(tmp_path) as place:
        card = ski_card(6, claim(party=4, batch=2, entries_total=1, reentry_s=600))
        before = usage_of(card)
        torn_once(place, card, FIRST_MEETING.index(step), cut)
        passed = 0
        lane = place.lanes[{"same lane": 3, "other lane": 4, "other post": 7, "never": 3}[returns]]
        for _ in range(3 if returns != "never" else 0):
            lane.hold(HeldCard(card))
            passed += lane.walk()
            lane.leave()
        check_books(place, card, before, passed)
        assert passed <= 4
        if returns == "same lane":
            assert passed == 4, "somebody of the party was left outside"


def test_a_gate_that_opened_for_an_unconfirmed_card_would_be_seen(tmp_path: Path) -> None:
    """The oracle itself: a passage nobody was charged for turns the books red."""
    with mountain(tmp_path) as place:
        card = ski_card(7, claim(**TERMS))
        before = usage_of(card)
        torn_once(place, card, FIRST_MEETING.index(COMMIT), Cut.BEFORE)
        with pytest.raises(AssertionError):
            check_books(place, card, before, passed=1)


def test_a_charge_that_no_journal_knows_would_be_seen(tmp_path: Path) -> None:
    """The oracle itself: a card that was written without an admission turns the books red."""
    with mountain(tmp_path) as place:
        card = ski_card(8, claim(**TERMS))
        before = usage_of(card)
        forgetful = place.lanes[4]
        forgetful.hold(HeldCard(card))
        forgetful.walk()
        del place.lanes[4]
        with pytest.raises(AssertionError):
            check_books(place, card, before, passed=0)
