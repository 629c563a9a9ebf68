# SPDX-License-Identifier: Apache-2.0
"""The pure rules of a card's counters: honest histories, told in any order and to any extent, never accuse anybody."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pistegate_cloud.proofs.rules import SKEW_MS, Doubt, Told, reckon

MINUTE = 60_000


def told(counter: int, gate: int, seq: int, at_ms: int, told_ms: int | None = None) -> Told:
    return Told(counter, (1, gate, 5, seq), at_ms, at_ms if told_ms is None else told_ms)


def doubt(gate: int, seq: int, at_ms: int, **values: bool) -> Doubt:
    return Doubt((1, gate, 5, seq), at_ms, **values)


X = doubt(3, 2, 5 * MINUTE)
FIRST, THIRD = told(1, 1, 2, 0), told(3, 2, 2, 10 * MINUTE)


@pytest.mark.parametrize(
    ("proofs", "doubts", "complete", "settled", "missing"),
    [
        ([FIRST, THIRD], [X], 0, None, []),  # somebody may still tell of number 2
        ([FIRST, THIRD], [X], 11 * MINUTE, True, []),
        ([FIRST, THIRD], [], 11 * MINUTE, None, [2]),
        ([FIRST, THIRD], [], 10 * MINUTE, None, []),  # told at that very moment: not up to it
        ([FIRST, told(2, 2, 2, 10 * MINUTE)], [X], 0, False, []),
        ([FIRST, told(2, 2, 2, 6 * MINUTE)], [X], 0, None, []),  # clocks may differ by so much
        ([FIRST, told(2, 3, 9, 5 * MINUTE + 1)], [X], 0, False, []),  # its own device did something later
        ([FIRST], [X], 11 * MINUTE, None, []),  # the card has not been seen since
        ([FIRST, THIRD], [X, doubt(3, 4, 5 * MINUTE)], 11 * MINUTE, None, []),  # one of the two: a person may tell
        ([FIRST, told(4, 2, 2, 10 * MINUTE)], [X, doubt(3, 4, 5 * MINUTE)], 11 * MINUTE, True, []),
        ([FIRST, told(4, 2, 2, 10 * MINUTE)], [X], 11 * MINUTE, None, [3]),  # or somebody's twice, and X void
        ([FIRST, THIRD], [doubt(3, 2, 5 * MINUTE, ended=False)], 11 * MINUTE, None, []),
        ([FIRST, THIRD], [X, doubt(4, 2, 5 * MINUTE, charged=True)], 11 * MINUTE, False, []),
        ([FIRST, THIRD], [doubt(3, 2, 30 * MINUTE)], 41 * MINUTE, None, [2]),  # far too late for it
    ],
)
def test_what_counters_tell(
    proofs: list[Told], doubts: list[Doubt], complete: int, settled: bool | None, missing: list[int]
) -> None:
    """Case by case: charged only when nobody can tell otherwise any more, void as soon as no counter is left."""
    found = reckon(0, proofs, doubts, complete)
    assert found.settled.get(X.place) is settled
    assert len(found.missing) == len(missing)
    assert set(found.missing) <= {2, 3}


def test_a_load_fits_only_its_own_counter() -> None:
    """What the cloud itself sent after reading the counter can be nothing else."""
    own = Doubt((0, 0, 3, 1), 5 * MINUTE, only=2)
    assert reckon(0, [FIRST, THIRD], [own], 11 * MINUTE).settled == {own.place: True}
    other = Doubt((0, 0, 3, 1), 5 * MINUTE, only=3)
    found = reckon(0, [FIRST, THIRD], [other], 11 * MINUTE)
    assert (found.settled, found.missing) == ({other.place: False}, [2])


def test_a_charge_without_a_counter_is_contradicted() -> None:
    """Only once all have told, and only when the card was used after it."""
    charged = doubt(3, 2, 5 * MINUTE, charged=True)
    proofs = [FIRST, told(2, 2, 2, 10 * MINUTE)]
    early = reckon(0, proofs, [charged], 0)
    assert (early.contradicted, early.open, early.waiting_ms) == ([], True, 10 * MINUTE)
    assert reckon(0, proofs, [charged], 11 * MINUTE).contradicted == [charged.place]
    assert reckon(0, [FIRST], [charged], 11 * MINUTE).contradicted == []


def test_what_is_known_ends_before_the_first_gap_that_may_still_be_told() -> None:
    """And waits for what was told first above it."""
    found = reckon(0, [FIRST, told(3, 2, 2, 10, 500), told(4, 2, 4, 20, 400), told(6, 2, 6, 30, 900)], [], 0)
    assert (found.known, found.waiting_ms) == (1, 400)
    assert reckon(2, [FIRST, THIRD], [], 0).known == 3


@dataclass(frozen=True)
class Step:
    """One true transaction: at which device, after how long; torn or not, and whether it happened."""

    device: int
    wait_ms: int
    torn: bool
    happened: bool
    settled: bool
    told: bool


steps = st.lists(
    st.builds(
        Step,
        device=st.integers(1, 4),
        wait_ms=st.integers(1_000, 20 * MINUTE),
        torn=st.booleans(),
        happened=st.booleans(),
        settled=st.booleans(),
        told=st.booleans(),
    ),
    max_size=14,
)
skews = st.lists(st.integers(0, SKEW_MS - 1), min_size=5, max_size=5)


def history(truth: list[Step], skew: list[int]) -> tuple[list[Told], list[Doubt], dict[tuple[int, ...], bool]]:
    """What devices tell of it, by clocks that differ, and the truth about what was torn."""
    proofs, doubts, really = [], [], {}
    now = counter = 0
    for seq, step in enumerate(truth):
        now += step.wait_ms
        counter += not step.torn or step.happened
        place, at = (1, step.device, 5, seq), now + skew[step.device]
        if not step.torn:
            proofs.append(Told(counter, place, at, now))
        elif not step.settled:
            doubts.append(Doubt(place, at))
            really[place] = step.happened
        elif step.happened:
            doubts.append(Doubt(place, at, charged=True))
    return proofs, doubts, really


@given(steps, skews)
def test_an_honest_history_told_whole_accuses_nobody(truth: list[Step], skew: list[int]) -> None:
    """Everything told: nothing is missing, nothing contradicted, and what is settled is true."""
    proofs, doubts, really = history(truth, skew)
    found = reckon(0, proofs, doubts, 10**12)
    assert (found.missing, found.contradicted, found.waiting_ms) == ([], [], None)
    assert all(really[place] is charged for place, charged in found.settled.items() if place in really)


@given(steps, skews)
def test_an_honest_history_told_in_part_is_never_settled_wrongly(truth: list[Step], skew: list[int]) -> None:
    """Some events have not come yet: what is settled all the same is true, and nothing is called missing."""
    proofs, doubts, really = history(truth, skew)
    here = {(1, step.device, 5, seq) for seq, step in enumerate(truth) if step.told}
    found = reckon(0, [p for p in proofs if p.place in here], [d for d in doubts if d.place in here], complete_ms=0)
    assert (found.missing, found.contradicted) == ([], [])
    assert all(really[place] is charged for place, charged in found.settled.items() if place in really)


@given(steps, skews, st.integers(0, 13))
def test_one_transaction_that_nobody_tells_is_missing(truth: list[Step], skew: list[int], at: int) -> None:
    """A stolen key rewrote the card in between: found, unless a torn transaction near it may have been it."""
    proofs, doubts, _ = history(truth, skew)
    if at >= len(proofs) - 1 or not proofs:
        return
    hidden = proofs[at]
    found = reckon(0, [p for p in proofs if p is not hidden], doubts, 10**12)
    assert len(found.missing) <= 1
    if not doubts:
        assert found.missing == [hidden.counter]
