# SPDX-License-Identifier: Apache-2.0
"""What a document of a restored cloud says: its own entries, and those that a device still had from before. Pure.

The cloud forgot, devices did not: whatever shuts somebody out stays shut out, whatever was promised stays promised.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from pistegate_protocol.amendments import newest_by_ticket
from pistegate_protocol.documents import (
    AmendmentList,
    CalendarList,
    DenyList,
    Document,
    FingerList,
    LoadList,
    LostCards,
    SuspensionList,
)
from pistegate_protocol.wallet import load_of

Entries = Sequence[Any]


def merged(kind: type[Document], ours: Entries, recovered: Entries) -> list[Any]:
    """The entries of both, sorted where the document is; `ours` unchanged when nothing was recovered."""
    return _MERGE[kind](ours, recovered) if recovered else list(ours)


def _denials(ours: Entries, recovered: Entries) -> list[Any]:
    """The higher revision is denied."""
    below: dict[int, int] = {}
    for ticket, revision in [*ours, *recovered]:
        below[ticket] = max(revision, below.get(ticket, 0))
    return sorted(below.items())


def _amendments(ours: Entries, recovered: Entries) -> list[Any]:
    """The higher number holds."""
    found = newest_by_ticket([*recovered, *ours])
    return [found[ticket] for ticket in sorted(found)]


def _suspensions(ours: Entries, recovered: Entries) -> list[Any]:
    """Ours tells how one that both know ended."""
    return sorted(({entry[:2]: entry for entry in [*recovered, *ours]}).values(), key=lambda entry: entry[:2])


def _by_first(ours: Entries, recovered: Entries) -> list[Any]:
    """Of a calendar that both know ours."""
    return sorted(({entry[0]: entry for entry in [*recovered, *ours]}).values(), key=lambda entry: entry[0])


def _lost(ours: Entries, recovered: Entries) -> list[Any]:
    """Lost is lost."""
    return sorted({*ours, *recovered})


def _loads(ours: Entries, recovered: Entries) -> list[Any]:
    """Of one card the statement with the higher number: loaded totals only grow."""
    newest: dict[bytes, bytes] = {}
    for signed in [*recovered, *ours]:
        load = load_of(signed)
        if load.uid not in newest or load.number > load_of(newest[load.uid]).number:
            newest[load.uid] = signed
    return [newest[uid] for uid in sorted(newest)]


def _fingers(ours: Entries, recovered: Entries) -> list[Any]:
    """A withdrawal, which is an empty claim, is never undone by a backup."""
    claims: dict[bytes, bytes] = {}
    for holder, claim in [*recovered, *ours]:
        claims[holder] = claim if claims.get(holder, b"?") else b""
    return sorted(claims.items())


_MERGE: Final[dict[type[Document], Callable[[Entries, Entries], list[Any]]]] = {
    DenyList: _denials,
    AmendmentList: _amendments,
    SuspensionList: _suspensions,
    CalendarList: _by_first,
    LostCards: _lost,
    LoadList: _loads,
    FingerList: _fingers,
}
