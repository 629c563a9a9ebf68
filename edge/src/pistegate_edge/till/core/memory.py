# SPDX-License-Identifier: Apache-2.0
"""Requests that changed a card, by the operator's id: asked again, they are answered, never done again."""

from collections.abc import Iterable
from dataclasses import dataclass

from pistegate_edge.till.core.actions import Answer

COUNTERS_MAX = 10_000  # cards whose transaction counter is remembered, in this run
REMEMBERED = 2000  # requests; a busy till makes about 1000 a day, and a program repeats within minutes


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request that is over and changed a card, and what it was answered."""

    digest: bytes
    answer: Answer


class Memory:
    """The newest requests, oldest first."""

    def __init__(self, remembered: Iterable[Remembered] = ()) -> None:
        self._by_id: dict[str, Remembered] = {}
        for one in remembered:
            self.add(one)

    def add(self, one: Remembered) -> None:
        """Remember; the oldest is forgotten."""
        self._by_id.pop(one.answer.id, None)
        self._by_id[one.answer.id] = one
        if len(self._by_id) > REMEMBERED:
            del self._by_id[next(iter(self._by_id))]

    def get(self, id: str) -> Remembered | None:
        """What is remembered of request `id`."""
        return self._by_id.get(id)

    def last(self, count: int) -> list[Answer]:
        """The newest, newest first."""
        return [one.answer for one in list(self._by_id.values())[: -count - 1 : -1]]


class Counters:
    """How many transactions each card has told of; one that tells of fewer was written back to an older state."""

    def __init__(self) -> None:
        self._by_uid: dict[bytes, int] = {}

    def seen(self, uid: bytes, counter: int) -> bool:
        """Whether the card is as new as it was; remembers the highest count."""
        before = self._by_uid.pop(uid, 0)
        self._by_uid[uid] = max(before, counter)
        if len(self._by_uid) > COUNTERS_MAX:
            del self._by_uid[next(iter(self._by_uid))]
        return counter >= before
