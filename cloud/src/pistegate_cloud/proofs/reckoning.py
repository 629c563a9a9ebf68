# SPDX-License-Identifier: Apache-2.0
"""Weighing one card: its proofs, the cloud's own transactions, everything in doubt, by the pure rules of rules.py."""

from collections.abc import Sequence

from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.proofs import queries
from pistegate_cloud.proofs.models import CardCounter, CardProof
from pistegate_cloud.proofs.rules import Doubt, Place, Reckoning, Told, reckon
from pistegate_cloud.proofs.service import Checker, recheck
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.wallets import queries as wallets
from pistegate_cloud.wallets import uses
from pistegate_cloud.wallets.books import end_load
from pistegate_cloud.wallets.models import CardUse

# A device that is silent for longer than it can work alone (30 days, and some) is not waited for any more.
PATIENCE_MS = 35 * 86_400_000
_OWN = {"issue": 1, "wipe": 2, "load": 3}  # stands for the epoch in the place of what the cloud itself did


async def complete_ms(group: int, now_ms: int) -> int:
    """Up to when every device of a group has told everything; nobody is waited for beyond PATIENCE_MS."""
    told = await gates.untold(group)
    return max(min(told.values(), default=now_ms), now_ms - PATIENCE_MS)


class Reckoner:
    """Weighs cards of one group, whose locks the caller holds."""

    def __init__(self, group: int, complete: int, checker: Checker, now_ms: int) -> None:
        self.group = group
        self._complete = complete
        self._checker = checker
        self._now_ms = now_ms

    @classmethod
    async def of(cls, group: int, checker: Checker, now_ms: int) -> "Reckoner":
        """For a group, as far as its devices have told."""
        return cls(group, await complete_ms(group, now_ms), checker, now_ms)

    async def weigh(self, counter: CardCounter) -> None:
        """Settle what can be settled of a card, show what nobody accounts for; changes `counter`, not stored yet."""
        uid = counter.uid
        proofs = await queries.of_card(uid)
        await recheck(proofs, self._checker, self._now_ms)
        own = await queries.own_counters(uid)
        told = _told(proofs, own)
        if not counter.known and own:
            counter.base = counter.known = max(0, min(each.counter for each in told) - 1) if _begins(told) else 0
        admissions = await queries.doubtful_admissions(uid, await sites.of_group(self.group))
        open_uses = await queries.doubtful_uses(uid)
        doubts = [*_doubts(admissions), *_doubts(open_uses), *await _own_doubts(uid)]
        found = reckon(counter.base, told, doubts, self._complete)
        await self._settle(found, admissions, open_uses)
        await self._settle_loads(found, uid)
        counter.known, counter.waiting_ms, counter.doubts = found.known, found.waiting_ms, found.open
        counter.top = max((each.counter for each in told), default=counter.known)
        await exceptions.record(_cases(counter, found, proofs), self._now_ms)

    async def _settle(self, found: Reckoning, admissions: Sequence[Admission], open_uses: Sequence[CardUse]) -> None:
        for row in admissions:
            charged = found.settled.get(_place(row))
            if charged is not None and row.settled != ("charged" if charged else "void"):
                await queries.settle_admission(row, "charged" if charged else "void")
        for use in open_uses:
            charged = found.settled.get(_place(use))
            if charged is not None:
                await uses.settle(use, charged=charged, by="proof", now_ms=self._now_ms)

    async def _settle_loads(self, found: Reckoning, uid: str) -> None:
        for load in await wallets.pending_loads(uid):
            charged = found.settled.get((0, 0, _OWN["load"], load.id))
            if charged is not None:
                await end_load(load, "done" if charged else "void", load.counter + 1 if charged else None, self._now_ms)


def _told(proofs: Sequence[CardProof], own: dict[int, int]) -> list[Told]:
    """What accounts for counters. A false proof does not; nor does one that was not checked, beyond what was."""
    verified = [row.counter for row in proofs if row.state == "verified"]
    top = max([*verified, *own], default=0)
    told = [
        Told(row.counter, (row.site_id, row.gate, row.epoch, row.seq), row.at_ms, row.told_ms)
        for row in proofs
        if row.state == "verified" or (row.state == "unknown" and row.counter <= top)
    ]
    have = {each.counter for each in told}
    return told + [Told(at, (0, 0, 0, at), when, when) for at, when in own.items() if at not in have]


def _begins(told: Sequence[Told]) -> bool:
    """The first thing that is known of a card is the cloud's own doing: what was before it is its maker's."""
    return min(told, key=lambda each: each.counter).place[1] == 0


def _place(row: Admission | CardUse) -> Place:
    return row.site_id, row.gate, row.epoch, row.seq


def _doubts(rows: Sequence[Admission | CardUse]) -> list[Doubt]:
    return [
        Doubt(
            _place(row),
            row.at_ms,
            charged=_surely(row),
            ended=row.state != "open",
        )
        for row in rows
    ]


def _surely(row: Admission | CardUse) -> bool:
    """Whether it happened, as somebody else than the counters says; a lane that let somebody pass had its answer."""
    passed = isinstance(row, Admission) and row.passed > 0
    return passed or (row.settled == "charged" and row.settled_by != "proof")


async def _own_doubts(uid: str) -> list[Doubt]:
    return [
        Doubt((0, 0, _OWN[own.kind], own.row), own.sent_ms, own.only, charged=own.done)
        for own in await queries.own_doubts(uid)
    ]


def _cases(counter: CardCounter, found: Reckoning, proofs: Sequence[CardProof]) -> list[exceptions.Case]:
    ticket = next((row.ticket for row in reversed(proofs) if row.ticket), None)

    def case(kind: str, key: str, **values: object) -> exceptions.Case:
        about = {"uid": counter.uid, "ticket": ticket} | values
        gate = values.get("gate")
        return exceptions.Case(
            kind=kind,
            key=f"{counter.uid}/{key}",
            site=counter.site_id,
            gate=gate if isinstance(gate, int) else None,
            ticket=ticket,
            values=about,
        )

    cases = [
        case("counter_missing", str(first), first=first, last=last, count=last - first + 1)
        for first, last in _runs(found.missing)
    ]
    cases += [
        case("proof_contradicts", "/".join(map(str, place)), gate=place[1], epoch=place[2], seq=place[3])
        for place in found.contradicted
    ]
    seen: dict[int, CardProof] = {}
    for row in proofs:
        if row.state != "verified":
            continue
        first_row = seen.setdefault(row.counter, row)
        if first_row.value != row.value:
            cases.append(
                case("counter_twice", str(row.counter), counter=row.counter, gate=row.gate, other=first_row.gate)
            )
    return cases


def _runs(counters: Sequence[int]) -> list[tuple[int, int]]:
    """Consecutive counters as (first, last)."""
    runs: list[tuple[int, int]] = []
    for counter in counters:
        if runs and counter == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], counter)
        else:
            runs.append((counter, counter))
    return runs
