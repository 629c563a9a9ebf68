# SPDX-License-Identifier: Apache-2.0
"""Changes of cards of which nobody knows yet whether they happened, and how a card that comes back tells."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pistegate_edge.card.facts import CardFacts
from pistegate_protocol.card_layout import RECORDS_VISIBLE
from pistegate_protocol.events import CardUse
from pistegate_protocol.records import NAME_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenUse:
    """A change that was begun: durable, and perhaps on the card.

    `request` and `digest` name the operator's request. `counter`: the card's transactions before it; `newest`: its
    newest record before it, empty where it had none.
    """

    epoch: int
    seq: int
    name: bytes
    event: CardUse
    request: str
    digest: bytes
    counter: int
    newest: bytes


def happened(use: OpenUse, facts: CardFacts) -> bool | None:
    """Whether `use` is on the card; None when the card cannot tell any more.

    Each transaction of ours leaves one record, so the change is there if its record is. It is not there if nothing
    at all was committed since, or if what was newest before it can still be seen, or (on a card without records
    before) if every transaction since shows its own record. Otherwise its record may have been pushed out or wiped.
    """
    if any(record.name == use.name[:NAME_BYTES] for record in facts.records):
        return True
    since = facts.counter - use.counter
    if since == 0:
        return False
    if since < 0:
        return None  # an older state of the card was written back: what it tells is worth nothing
    if use.newest:
        return False if use.newest in facts.files.records else None
    return False if since == len(facts.files.records) < RECORDS_VISIBLE else None


class UnsettledUses:
    """Open uses by the card they are of, in the order in which they were begun."""

    def __init__(self, uses: Iterable[OpenUse] = ()) -> None:
        self._by_medium: dict[bytes, list[OpenUse]] = {}
        for use in uses:
            self.add(use)

    def add(self, use: OpenUse) -> None:
        """Nobody knows what became of `use`."""
        self._by_medium.setdefault(use.event.medium, []).append(use)

    def settle(self, facts: CardFacts) -> list[tuple[OpenUse, bool]]:
        """What the card tells; those uses are forgotten."""
        told, kept = [], []
        for use in self._by_medium.pop(facts.medium, []):
            done = happened(use, facts)
            if done is None:
                kept.append(use)
            else:
                told.append((use, done))
        if kept:
            self._by_medium[facts.medium] = kept
        return told

    def of_request(self, request: str) -> OpenUse | None:
        """The open use of an operator's request, if it has one."""
        return next((use for use in self if use.request == request), None)

    def __iter__(self) -> Iterator[OpenUse]:
        return (use for uses in self._by_medium.values() for use in uses)

    def __len__(self) -> int:
        return sum(len(uses) for uses in self._by_medium.values())
