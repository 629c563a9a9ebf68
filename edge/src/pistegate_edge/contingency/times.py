# SPDX-License-Identifier: Apache-2.0
"""What a box keeps of its clock, so that a restart while the cloud is away does not forget what time it is."""

from collections.abc import Mapping
from typing import Final

from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_edge.timekeeping.told import Anchor, Before

FACTS: Final = ("mark_ms", "anchor")


def kept(clock: GuardedClock) -> dict[str, str]:
    """The latest trusted time; and, where it is trusted now, of which steady clock it was which reading."""
    facts = {"mark_ms": str(clock.mark_ms or 0)}
    standing = clock.standing()
    if standing.trusted and clock.steady_id:
        told = (clock.steady_ms(), clock.wall_ms(), -1 if standing.error_ms is None else standing.error_ms)
        facts["anchor"] = " ".join([clock.steady_id.hex(), *map(str, told)])
    return facts


def before(facts: Mapping[str, str | None], steady_id: bytes) -> Before:
    """What an earlier run left; of another boot, its steady clock tells nothing."""
    mark = int(facts.get("mark_ms") or 0) or None
    parts = (facts.get("anchor") or "").split()
    if len(parts) != 4 or not steady_id or parts[0] != steady_id.hex():
        return Before(mark)
    steady_ms, at_ms, error_ms = map(int, parts[1:])
    return Before(mark, Anchor(steady_ms, at_ms, None if error_ms < 0 else error_ms))
