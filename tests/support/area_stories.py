# SPDX-License-Identifier: Apache-2.0
"""Products and days of real ski areas as data (tests/protocol/stories/*.toml): read, and walked step by step.

A step is "DAY TIME | WHAT | EXPECTED". WHAT: `in` or `out` (lane 1, or `in 2`, `in 9` of another post, `in area 2`,
`in lane for CHILD`), or something that happens: `hold`, `release`, `extend 60`, `until DAY`, `areas 1 2`,
`return 1 of DAY`, `suspend 1 to DAY TIME paused`, `nobody passed` (the last admission is owed), `revoke`. EXPECTED: a
reason, or `admit` (a number for more than one), then in any order `ends TIME`, `left N minutes|days|today|total`,
`overtime`, `free` (nothing charged).
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from protocol_cases import KEY_ID, TICKET, a_gate, an_amendment
from ticket_walk import Card

from pistegate_protocol.amendments import Amendment
from pistegate_protocol.claims import (
    Bank,
    Claim,
    ClockStart,
    ClockTerm,
    HolderClass,
    Scope,
    Window,
    decode_claim,
    encode_claim,
)
from pistegate_protocol.decide import Admit
from pistegate_protocol.suspensions import Suspension

STORIES = Path(__file__).parents[1] / "protocol" / "stories"


@dataclass(frozen=True)
class Story:
    """One day or season of one ticket."""

    area: str
    name: str
    claim: Claim
    zone: ZoneInfo
    calendars: dict[int, frozenset[date]]
    steps: list[str]

    def walk(self) -> None:
        """Every step in order; AssertionError names the one that went otherwise."""
        Walk(self).run()


def stories() -> Iterator[Story]:
    """All of them."""
    for path in sorted(STORIES.glob("*.toml")):
        data = tomllib.loads(path.read_text("utf-8"))
        calendars = {int(n): frozenset(map(date.fromisoformat, days)) for n, days in data.get("calendar", {}).items()}
        for story in data["story"]:
            claim = _claim(data["product"][story["product"]] | story.get("sold", {}))
            yield Story(path.stem, story["name"], claim, ZoneInfo(data["zone"]), calendars, story["steps"])


def _claim(product: dict[str, Any]) -> Claim:
    """The claim of a product as the file spells it; it must fit a card."""
    terms = dict(product)
    fields: dict[str, Any] = {
        "valid_from": terms.pop("from"),
        "valid_until": terms.pop("until"),
        "areas": frozenset(terms.pop("areas", [1])),
        "holder": HolderClass[terms.pop("holder", "ADULT")],
        "scope": Scope(30, True) if terms.pop("group", False) else Scope(3),
        "windows": tuple(Window(*map(_minutes, window.split("-"))) for window in terms.pop("windows", [])),
    }
    if "reentry_min" in terms:
        fields["reentry_s"] = terms.pop("reentry_min") * 60
    if "clock" in terms:
        clock = terms.pop("clock")
        start = ClockStart[clock.get("start", "FIRST_PASSAGE")]
        fields["clock"] = ClockTerm(clock["minutes"], start, _minutes(clock.get("at", "0:00")), clock.get("within"))
    if "bank" in terms:
        fields["bank"] = Bank(**terms.pop("bank"))
    claim = Claim(key_id=KEY_ID, ticket=TICKET, product=1, **fields, **terms)
    assert decode_claim(encode_claim(claim)) == claim
    return claim


def _minutes(told: str) -> int:
    hours, minutes = told.split(":")
    return int(hours) * 60 + int(minutes)


def matches(expected: str, got: str) -> bool:
    """Whether all that is expected was got; `overtime` and `free` are expected whenever they are got."""
    if not expected.startswith("admit"):
        return expected == got
    first, *others = [word.strip() for word in expected.split(",")]
    told = got.split(", ")
    if (first if " " in first else f"{first} 1") != told[0]:
        return False
    return {word for word in ("overtime", "free") if word in told} <= set(others) <= set(told)


class Walk:
    """A story under way."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.card = Card(story.claim, a_gate(zone=story.zone))
        self.card.knows(calendars=story.calendars)
        self.amendment: Amendment | None = None
        self.last: Admit | None = None

    def run(self) -> None:
        """Every step."""
        for step in self.story.steps:
            when, what, *expected = [part.strip() for part in step.split("|")]
            at = self.time(when)
            if what.startswith(("in", "out")):
                got = self.tap(what, at)
                assert matches(expected[0], got), f"{step}: got {got}"
            else:
                self.happens(what, at)

    def time(self, told: str) -> datetime:
        """A local time, `YYYY-MM-DD HH:MM[:SS]`."""
        return datetime.fromisoformat(told).replace(tzinfo=self.story.zone).astimezone(UTC)

    def tap(self, what: str, at: datetime) -> str:
        """The decision in the words of a step."""
        profile: dict[str, Any] = {"exit": what.startswith("out")}
        if found := re.search(r"area (\d+)", what):
            profile["area"] = int(found[1])
        if found := re.search(r"lane for (\w+)", what):
            profile["holders"] = frozenset({HolderClass[found[1]]})
        lane = int(found[1]) if (found := re.search(r"(?:in|out) (\d+)", what)) else 1
        if lane not in self.card.gate.post_gates:
            profile["post_gates"] = frozenset({lane})
        decision = self.card.tap(at, lane, **profile)
        if not isinstance(decision, Admit):
            return decision.reason.value
        self.last = decision
        return self.spelled(decision)

    def spelled(self, admit: Admit) -> str:
        """Everything that a step may expect of an admission."""
        prompt = admit.prompt
        words = [f"admit {admit.n}"]
        if prompt.ends is not None:
            ends = prompt.ends.astimezone(self.story.zone)
            words.append(f"ends {ends:%H:%M}")
        lefts = {"minutes": prompt.left_minutes, "days": prompt.left_days}
        lefts |= {"today": prompt.left_today, "total": prompt.left_total}
        words += [f"left {left} {unit}" for unit, left in lefts.items() if left is not None]
        words += ["overtime"] * admit.overtime + ["free"] * (admit.charged == 0)
        return ", ".join(words)

    def happens(self, what: str, at: datetime) -> None:
        """Something that gates hear of."""
        verb, *words = what.split()
        if verb == "nobody":
            assert self.last is not None
            self.card.owes(self.last.n)
        elif verb == "revoke":
            self.card.knows(deny={TICKET: self.card.claim.revision + 1})
        elif verb == "suspend":
            end = None if "to" not in words else self.time(" ".join(words[words.index("to") + 1 :][:2]))
            closed = Suspension(int(words[0]), at, end, "paused" in words)
            self.card.knows(suspensions=(*self.card.knowledge.suspensions, closed))
        else:
            self.amend(verb, words)

    def amend(self, verb: str, words: list[str]) -> None:
        """The next amendment, cumulative."""
        before = self.amendment or an_amendment(number=1)
        changes: dict[str, Any]
        match verb:
            case "hold" | "release":
                changes = {"hold": verb == "hold"}
            case "extend":
                changes = {"extra_minutes": before.extra_minutes + int(words[0])}
            case "until":
                changes = {"valid_until": date.fromisoformat(words[0])}
            case "areas":
                changes = {"areas": frozenset(map(int, words))}
            case "return":
                changes = {"returns": before.returns + int(words[0]), "return_day": date.fromisoformat(words[2])}
            case _:
                raise ValueError(f"a story does not know `{verb}`")
        self.amendment = replace(before, number=before.number + 1, **changes)
        self.card.knows(amendment=self.amendment)
