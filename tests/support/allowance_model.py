# SPDX-License-Identifier: Apache-2.0
"""An independent model of how often a ticket may enter: it keeps a log of rounds where `decide` keeps counters."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from protocol_cases import a_claim, a_gate, a_usage

from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import Admit, Knowledge, Owed, decide
from pistegate_protocol.events import admission_name
from pistegate_protocol.usage import decode_usage, encode_usage

OWED_S = 120
POSTS = {1: frozenset({1, 2}), 2: frozenset({1, 2}), 3: frozenset({3})}
# A zone of the Alps on the two nights when its clock changes, one without changes, one of half hours, and one that
# is a day ahead of UTC in winter.
ZONES = ["Europe/Vienna", "Asia/Shanghai", "America/St_Johns", "Pacific/Auckland"]
STARTS = [datetime(2026, 3, 28, 21, 0, tzinfo=UTC), datetime(2026, 10, 24, 21, 30, tzinfo=UTC)]


class Step(NamedTuple):
    """One presentation: so many seconds after the one before, at a gate; `turn_back` of the admitted do not pass."""

    after_s: int
    gate: int
    turn_back: int


class Entry(NamedTuple):
    """One admission in the model's log."""

    at: datetime
    gate: int
    charged: int


@dataclass
class Log:
    """What happened, round by round, and from that alone: how many may enter."""

    claim: Claim
    zone: ZoneInfo
    rounds: list[list[Entry]] = field(default_factory=list)

    def charged(self, day: date | None = None) -> int:
        """Persons charged, on one day of the site or ever."""
        entries = [entry for each in self.rounds for entry in each]
        return sum(e.charged for e in entries if day in (None, e.at.astimezone(self.zone).date()))

    def round_goes_on(self, at: datetime, gate: int) -> bool:
        """Whether the last round is still running at this post."""
        if not self.rounds or self.claim.reentry_s is None:
            return False
        last = self.rounds[-1][-1]
        return POSTS[last.gate] == POSTS[gate] and (at - last.at).total_seconds() < self.claim.reentry_s

    def allows(self, at: datetime, gate: int) -> int:
        """Persons who may enter now; 0 refuses."""
        claim = self.claim
        already = sum(entry.charged for entry in self.rounds[-1]) if self.round_goes_on(at, gate) else 0
        limits = [claim.party - already]
        if claim.batch is not None:
            limits.append(claim.batch)
        if claim.entries_total is not None:
            limits.append(claim.entries_total * claim.party - self.charged())
        if claim.entries_per_day is not None:
            limits.append(claim.entries_per_day * claim.party - self.charged(at.astimezone(self.zone).date()))
        return min(limits)

    def enter(self, at: datetime, gate: int, charged: int) -> None:
        """Note an admission; a re-offer (nothing charged) belongs to the round of the persons it concerns."""
        if charged and not self.round_goes_on(at, gate):
            self.rounds.append([])
        self.rounds[-1].append(Entry(at, gate, charged))


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 90) | st.integers(0, 7200) | st.integers(0, 130_000),
        st.sampled_from(sorted(POSTS)),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=25,
)
CLAIMS = st.builds(
    a_claim,
    party=st.integers(1, 4),
    batch=st.none() | st.integers(1, 3),
    entries_per_day=st.none() | st.integers(1, 3),
    entries_total=st.none() | st.integers(1, 8),
    reentry_s=st.none() | st.sampled_from([0, 30, 60, 600, 3600]),
    valid_from=st.just(date(2026, 1, 1)),
    valid_until=st.just(date(2027, 12, 31)),
)


def walk(claim: Claim, zone: str, start: datetime, steps: list[Step]) -> None:
    """Present one card step by step and compare each decision with the model's; the card is written as bytes."""
    log = Log(claim, ZoneInfo(zone))
    usage = decode_usage(encode_usage(a_usage()))
    known: dict[int, tuple[Owed, datetime]] = {}  # what each gate owes, and until when
    at = start
    for number, step in enumerate(steps, 1):
        at += timedelta(seconds=step.after_s)
        owed, until = known.get(step.gate, (None, at))
        owed = owed if at < until else None
        gate = a_gate(gate=step.gate, post_gates=POSTS[step.gate], zone=ZoneInfo(zone))
        decision = decide(claim, usage, gate, at, Knowledge(owed=owed))
        reoffer = owed is not None and owed.admission == usage.admission
        expected = owed.persons if owed and reoffer else log.allows(at, step.gate)
        assert (decision.n if isinstance(decision, Admit) else 0) == expected, f"step {number} at {at}"
        if not isinstance(decision, Admit):
            continue
        assert decision.charged == (0 if reoffer else expected)
        log.enter(at, step.gate, decision.charged)
        name = admission_name(step.gate, 1, number)
        usage = decode_usage(encode_usage(replace(decision.usage, admission=name)))
        known[step.gate] = Owed(name, min(step.turn_back, decision.n)), at + timedelta(seconds=OWED_S)
        if known[step.gate][0].persons == 0:
            del known[step.gate]
    assert usage.used_total == log.charged()
