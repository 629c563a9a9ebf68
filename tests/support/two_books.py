# SPDX-License-Identifier: Apache-2.0
"""What the arms turned, what the gate wrote, what the cloud counted: compared in the cloud's own database."""

from collections import Counter
from dataclasses import dataclass

from far_cloud import FarCloud
from ridden_gate import RiddenGate


@dataclass(frozen=True)
class Books:
    """`lost`: persons the arms turned beyond passed and unknown; `duplicated`: passed beyond turned, by ticket.

    `unknown`: of all admissions; `open_at_kill`: persons of the admissions that a kill interrupted. `missing`,
    `foreign`: events that only one side has; `twice`: events that the cloud has twice. `wrong`: sentences.
    """

    turned: int
    passed: int
    unknown: int
    lost: int
    duplicated: int
    open_at_kill: int
    missing: int
    foreign: int
    twice: int
    wrong: tuple[str, ...]


def compared(gate: RiddenGate, cloud: FarCloud) -> Books:
    """After the drain."""
    passed: Counter[int] = Counter()
    unknown: Counter[int] = Counter()
    open_at_kill, wrong = 0, []
    query = f"SELECT ticket, state, n, passed, unknown, epoch, seq FROM admission WHERE gate = {gate.number}"
    for ticket, state, n, through, doubtful, epoch, seq in cloud.rows(query):
        passed[ticket] += through
        unknown[ticket] += doubtful
        if state == "interrupted":
            open_at_kill += n
        elif doubtful:
            wrong.append(f"admission {epoch}/{seq} ended as {state} with {doubtful} unknown")
        if through + doubtful > n:
            wrong.append(f"admission {epoch}/{seq} of {n}: {through} passed, {doubtful} unknown")
        if state == "open":
            wrong.append(f"admission {epoch}/{seq} has no outcome")
    tickets = passed.keys() | gate.turned.keys()
    stored = Counter(cloud.rows(f"SELECT stream, epoch, seq FROM raw_event WHERE gate = {gate.number}"))
    written = Counter(gate.keys())
    for name in ("fork_event", "quarantine"):
        if found := int(cloud.rows(f"SELECT count(*) FROM {name}")[0][0]):
            wrong.append(f"{found} in {name}")
    return Books(
        turned=gate.turned.total(),
        passed=passed.total(),
        unknown=unknown.total(),
        lost=sum(max(0, gate.turned[each] - passed[each] - unknown[each]) for each in tickets),
        duplicated=sum(max(0, passed[each] - gate.turned[each]) for each in tickets),
        open_at_kill=open_at_kill,
        missing=(written - stored).total(),
        foreign=len(stored.keys() - written.keys()),
        twice=sum(count - 1 for count in stored.values()),
        wrong=tuple(wrong),
    )


def agree(gate: RiddenGate, cloud: FarCloud) -> Books:
    """AssertionError unless everything was counted exactly once."""
    gate.drained(cloud)
    books = compared(gate, cloud)
    told = str(books)
    assert (books.lost, books.duplicated) == (0, 0), told
    assert (books.missing, books.foreign, books.twice) == (0, 0, 0), told
    assert books.wrong == (), told
    assert books.unknown <= books.open_at_kill <= gate.kills, told
    assert books.turned > 0, told
    return books
