# SPDX-License-Identifier: Apache-2.0
"""Every lane core gone through to the fixed point: all that can happen, in any order, keeps the properties."""

import pytest
from lane_runs import CONTROLLER, LEAF, LONG, SEARCHES, TRIPOD
from lane_search import search

from pistegate_edge.lane.core import controller, leaf, opening, tripod

TABLES = {"controller": controller.TABLE, "tripod": tripod.TABLE, "leaf": leaf.TABLE}
OF_KIND = {"controller": CONTROLLER, "tripod": TRIPOD, "leaf": LEAF}


class Taken:
    """Which entries of a table were taken, by watching its only door."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, door: str) -> None:
        self.entries: set[tuple[str, str]] = set()
        real = getattr(owner, door)

        def watched(machine: object, event: str) -> None:
            self.entries.add((machine.state, event))  # type: ignore[attr-defined]
            real(machine, event)

        monkeypatch.setattr(owner, door, watched)


def entries(table: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    """Every (state, event) of a table."""
    return {(state, event) for state, ways in table.items() for event in ways}


@pytest.mark.timeout(600)  # a minute on a core of its own
@pytest.mark.parametrize("kind", list(OF_KIND))
def test_search_to_the_fixed_point(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reachable state breaks a property, every entry of the table is taken, and no entry lacks."""
    owner = {"controller": controller.ControllerLane, "tripod": tripod.TripodLane, "leaf": leaf.LeafLane}[kind]
    taken = Taken(monkeypatch, owner, "_go")
    openings = Taken(monkeypatch, opening.Opening, "go")
    for name, world in OF_KIND[kind].items():
        found = search(world())
        with capsys.disabled():
            print(f"\n  {name}: {found.states} states, {found.steps} steps", end="")
    assert taken.entries == entries(TABLES[kind])
    assert openings.entries == entries(opening.TABLE)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", list(LONG))
def test_long_search(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """More inputs at once, and slower contacts."""
    found = search(LONG[name](), most=5_000_000)
    with capsys.disabled():
        print(f"\n  {name}: {found.states} states, {found.steps} steps", end="")


def test_no_search_is_trivial() -> None:
    """Each goes through hundreds of states, or it searches nothing."""
    name, world = "level, Ready", SEARCHES["level, Ready"]()
    assert search(world).states > 1000, name
