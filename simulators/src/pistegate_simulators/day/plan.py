# SPDX-License-Identifier: Apache-2.0
"""Who comes, when, with what, and what should happen to them: pure, from a seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from pistegate_protocol.reasons import Reason

TURN_MS = (150, 300)  # how long a skier takes through the arm
_MORNING_SHARE = 0.7  # of all arrivals, in the morning peak; the rest is spread over the day


class Case(StrEnum):
    """What a skier brings."""

    VALID = "valid"
    EXPIRED = "expired"
    WRONG_AREA = "wrong_area"
    USED_UP = "used_up"
    REVOKED = "revoked"
    FORGED = "forged"
    LOST = "lost"
    """Who found a card that was reported lost."""
    REPLACED = "replaced"
    """Who lost a card and got another one with the same ticket."""


EXPECTED: dict[Case, Reason | None] = {
    Case.VALID: None,
    Case.EXPIRED: Reason.EXPIRED,
    Case.WRONG_AREA: Reason.WRONG_AREA,
    Case.USED_UP: Reason.USED_UP,
    Case.REVOKED: Reason.REVOKED,
    Case.FORGED: Reason.SIGNATURE_INVALID,
    Case.LOST: Reason.CARD_LOST,
    Case.REPLACED: None,
}
# Their tickets are sold at opening, so that what is told of them has reached every gate before they come.
EARLY = (Case.REVOKED, Case.LOST, Case.REPLACED)

# Share of all skiers per case; the rest is valid. With few skiers each case still comes once where there is room.
_SHARES = {Case.EXPIRED: 0.03, Case.WRONG_AREA: 0.03, Case.USED_UP: 0.02, Case.REVOKED: 0.02, Case.FORGED: 0.02}
_SHARES |= {Case.LOST: 0.01, Case.REPLACED: 0.01}
_TURN_BACK_SHARE = 0.03  # of the valid ones
_FEW = 12  # below this many skiers only valid ones come


class Turn(StrEnum):
    """What a skier does when the arm is free."""

    PASS = "pass"
    BACK_AND_AGAIN = "back_and_again"
    """Turns back once, then comes again at the same lane: owed."""
    BACK = "back"
    """Turns back and goes home."""


# Seconds that a guest keeps a lane, as measured; who turns back waits for the turnstile's time-out.
_LANE_S = {Turn.PASS: 0.4, Turn.BACK: 3.1, Turn.BACK_AND_AGAIN: 3.5}


@dataclass(frozen=True, slots=True)
class Skier:
    """One guest. `arrival` is a fraction of the day, `gate` an index, `turn_ms` how long the arm takes."""

    number: int
    case: Case
    turn: Turn
    gate: int
    arrival: float
    turn_ms: int
    product: str

    @property
    def expected(self) -> Reason | None:
        """The reason this skier must be refused for, None: must be admitted."""
        return EXPECTED[self.case]


def plan_day(skiers: int, gate_areas: Sequence[int], seed: int) -> list[Skier]:
    """The day's guests in order of arrival. `gate_areas`: the area of each gate, by index."""
    rng = Random(seed)
    cases = _cases(skiers, rng)
    turns = _turns(cases, rng)
    busy = [0.0] * len(gate_areas)
    people = []
    for number in range(skiers):
        skier = _skier(number, cases[number], turns[number], _shortest(cases[number], gate_areas, busy), rng)
        busy[skier.gate] += _LANE_S[skier.turn]
        people.append(skier)
    return sorted(people, key=lambda skier: skier.arrival)


def _cases(skiers: int, rng: Random) -> list[Case]:
    cases = [Case.VALID] * skiers
    if skiers >= _FEW:
        odd = [case for case, share in _SHARES.items() for _ in range(max(1, round(share * skiers)))]
        cases[: len(odd)] = odd
        rng.shuffle(cases)
    return cases


def _turns(cases: list[Case], rng: Random) -> list[Turn]:
    turns = [Turn.PASS] * len(cases)
    valid = [number for number, case in enumerate(cases) if case is Case.VALID]
    if len(cases) >= _FEW:
        backs = rng.sample(valid, max(2, round(_TURN_BACK_SHARE * len(valid))))
        for order, number in enumerate(backs):
            turns[number] = Turn.BACK if order % 2 else Turn.BACK_AND_AGAIN
    return turns


def _shortest(case: Case, gate_areas: Sequence[int], busy: Sequence[float]) -> int:
    """The gate with the least to do; a ticket of the beginners' area is only wrong at a gate of the main lift."""
    allowed = [index for index, area in enumerate(gate_areas) if area == 0 or case is not Case.WRONG_AREA]
    return min(allowed, key=lambda index: busy[index])


def _skier(number: int, case: Case, turn: Turn, gate: int, rng: Random) -> Skier:
    return Skier(
        number=number,
        case=case,
        turn=turn,
        gate=gate,
        arrival=_late(_arrival(rng), case),
        turn_ms=rng.randint(*TURN_MS),
        product=_product(case, rng),
    )


def _arrival(rng: Random) -> float:
    return rng.betavariate(2.5, 6) if rng.random() < _MORNING_SHARE else rng.random()


def _late(arrival: float, case: Case) -> float:
    """A ticket is revoked, or a card reported lost and replaced, before its holder comes."""
    return 0.3 + 0.7 * arrival if case in EARLY else arrival


def _product(case: Case, rng: Random) -> str:
    match case:
        case Case.WRONG_AREA:
            return "BEGINNER-DAY"
        case Case.USED_UP:
            return "ONE-RIDE"
        case Case.EXPIRED | Case.FORGED | Case.REVOKED | Case.LOST | Case.REPLACED:
            return "DAY"
    return rng.choices(["DAY", "CHILD-DAY", "ONE-RIDE"], [6, 2, 2])[0]
