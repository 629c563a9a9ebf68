# SPDX-License-Identifier: Apache-2.0
"""Was every passage counted once? Pure: compares what arms turned, what gates recorded and what the cloud knows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pistegate_simulators.day.guests import Tale


@dataclass(frozen=True, slots=True)
class GateCount:
    """One gate: arms `turned` at its turnstile, what its journal and the cloud say of it."""

    number: int
    turned: int
    passed_at_gate: int
    passed_in_cloud: int
    unknown: int

    @property
    def lost(self) -> int:
        """Persons the arm turned beyond passed and unknown."""
        return max(0, self.turned - self.passed_in_cloud - self.unknown)

    @property
    def duplicated(self) -> int:
        """Passed beyond turned."""
        return max(0, self.passed_in_cloud - self.turned)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The day's result. `wrong`: sentences about what was not as it must be; the day is good when there are none."""

    counts: Sequence[GateCount]
    tales: Sequence[Tale]
    cloud: dict[str, Any]
    open_at_kill: int
    sold: int
    takings: int
    """Minor units in the drawers of the windows."""
    seconds: float
    missing: Sequence[str] = ()
    """What had not reached the cloud when the waiting was over, in sentences."""
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Over all gates."""
        return sum(count.lost for count in self.counts)

    @property
    def duplicated(self) -> int:
        """Over all gates."""
        return sum(count.duplicated for count in self.counts)

    @property
    def expected_refusals(self) -> Counter[str]:
        """By reason, from the plan."""
        return Counter(str(tale.skier.expected) for tale in self.tales if tale.skier.expected)

    @property
    def wrong(self) -> list[str]:
        """What was not as it must be, in sentences."""
        found: list[str] = list(self.missing)
        for name, value in (
            ("persons lost", self.lost),
            ("persons counted twice", self.duplicated),
            ("minor units of ledger imbalance", self.cloud["ledger_imbalance"]),
        ):
            if value:
                found.append(f"{value} {name}")
        if self.takings != self.cloud["sold_amount"]:
            found.append(f"{self.takings} minor units in the drawers, {self.cloud['sold_amount']} in the books")
        if Counter(self.cloud["refused"]) != self.expected_refusals:
            found.append(f"refusals {dict(self.cloud['refused'])}, expected {dict(self.expected_refusals)}")
        if sum(count.unknown for count in self.counts) > self.open_at_kill:
            found.append(f"more persons unknown than were admitted at the kill ({self.open_at_kill})")
        found += [f"skier {tale.skier.number}: {trouble}" for tale in self.tales if (trouble := misfortune(tale))]
        unlike = sum(tale.counted != tale.rides for tale in self.tales)
        if unlike > sum(count.unknown for count in self.counts):
            found.append(f"{unlike} tickets counted through another number of times than their holders passed")
        return found

    def line(self) -> dict[str, Any]:
        """The last line of the day."""
        return {
            "skiers": len(self.tales),
            "sold": self.sold,
            "admitted": sum(1 for tale in self.tales if tale.green),
            "refused": dict(sorted(self.cloud["refused"].items())),
            "admissions": self.cloud["admissions"],
            "arms_turned": sum(count.turned for count in self.counts),
            "passages_at_gates": sum(count.passed_at_gate for count in self.counts),
            "passages_in_cloud": sum(count.passed_in_cloud for count in self.counts),
            "unknown": sum(count.unknown for count in self.counts),
            "lost": self.lost,
            "duplicated": self.duplicated,
            "ledger_imbalance": self.cloud["ledger_imbalance"],
            **self.extra,
            "wrong": self.wrong,
            "seconds": round(self.seconds, 1),
        }


def misfortune(tale: Tale) -> str | None:
    """What went wrong for one guest, None when all was as planned."""
    if tale.skier.expected:
        if tale.green or not tale.red:
            return f"should be refused ({tale.skier.expected}), saw green {tale.green}, red {tale.red} times"
        return None
    if not tale.green or tale.red:
        return f"should be admitted, saw green {tale.green}, red {tale.red} times, no lamp {tale.tries} times"
    return None
