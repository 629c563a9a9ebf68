# SPDX-License-Identifier: Apache-2.0
"""Breadth-first search over all that can happen at a lane: one input change, one command or one tick at a time.

A world (lane_worlds) owns a lane core and what surrounds it. A node is a hashable tuple of both. The search goes on to
the fixed point and checks the world's properties at every step; then it follows the ticks from every node in which an
opening is under way, to see it end without a host's help.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

Node = Any
Action = tuple[Any, ...]
TICK: Action = ("tick",)


class Broken(Exception):
    """A property does not hold; `name` is the property."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name + ": " + text)
        self.name = name
        self.trace: list[Action] = []


class World(Protocol):
    """What the search asks of a world."""

    def start(self) -> Node:
        """The first node."""

    def actions(self, node: Node) -> list[Action]:
        """What can happen in a node, besides a tick."""

    def apply(self, node: Node, action: Action) -> Node:
        """What follows; raises Broken."""

    def opening(self, node: Node) -> bool:
        """Whether an opening is under way, whose `closed` is still to come."""


@dataclass
class Found:
    """The size of a finished search."""

    states: int
    steps: int
    lane_states: set[str]


def search(world: World, most: int = 2_000_000) -> Found:
    """To the fixed point. Raises Broken with the way there; more than `most` states is an error of the test."""
    start = world.start()
    parents: dict[Node, tuple[Node, Action] | None] = {start: None}
    ticks: dict[Node, Node] = {}
    waiting = deque([start])
    steps = 0
    while waiting:
        node = waiting.popleft()
        for action in (TICK, *world.actions(node)):
            try:
                following = world.apply(node, action)
            except Broken as broken:
                broken.trace = [*_way(parents, node), action]
                broken.add_note("after " + " ".join(_short(step) for step in broken.trace))
                raise
            steps += 1
            if action is TICK:
                ticks[node] = following
            if following not in parents:
                assert len(parents) < most, "more states than this search is meant to have"
                parents[following] = (node, action)
                waiting.append(following)
    _openings_end(world, parents, ticks)
    return Found(len(parents), steps, {node[0][0] for node in parents})


def _openings_end(world: World, parents: dict[Node, tuple[Node, Action] | None], ticks: dict[Node, Node]) -> None:
    """A silent host and inputs that stay: every opening ends. What ticks lead back to an open node never ends."""
    ending: set[Node] = set()
    for first in parents:
        chain = []
        seen = set()
        node = first
        while node not in ending and world.opening(node):
            if node in seen:
                broken = Broken("every opening ends", f"not within {len(chain)} ticks")
                broken.trace = _way(parents, first)
                broken.add_note("after " + " ".join(_short(step) for step in broken.trace))
                raise broken
            seen.add(node)
            chain.append(node)
            node = ticks[node]
        ending.update(chain)


def _way(parents: dict[Node, tuple[Node, Action] | None], node: Node) -> list[Action]:
    way = []
    step = parents[node]
    while step is not None:
        way.append(step[1])
        step = parents[step[0]]
    return way[::-1]


def _short(action: Action) -> str:
    return ":".join(str(part) for part in action)
