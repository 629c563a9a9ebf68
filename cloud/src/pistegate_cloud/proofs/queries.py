# SPDX-License-Identifier: Apache-2.0
"""All queries of proofs and counters, and of what they are checked against."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tortoise.expressions import Q

from pistegate_cloud.amendments.models import TicketAmendment
from pistegate_cloud.cards.models import CardChange, CardWipe
from pistegate_cloud.database import is_postgres
from pistegate_cloud.ingest.models import RawEvent
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.proofs.models import CardCounter, CardProof
from pistegate_cloud.tickets.models import CardWrite
from pistegate_cloud.wallets.models import CardUse, WalletLoad
from pistegate_protocol.events import Stream
from pistegate_protocol.signing import MediumKind

DOUBTFUL = ("open", "card_unconfirmed", "unconfirmed", "interrupted")
Key = tuple[int, int, int, int]  # site, gate, epoch, seq
_COUNTER: Final = ("base", "known", "top", "doubts", "waiting_ms")
_PROOF: Final = (
    "site_id",
    "uid",
    "counter",
    "value",
    "kind",
    "gate",
    "epoch",
    "seq",
    "state",
    "ticket",
    "at_ms",
    "told_ms",
)


async def lock(uids: Iterable[str], site: int, group: int) -> dict[str, CardCounter]:
    """The cards' counters, begun where they are new, locked against other writers until the transaction ends.

    Whoever changes what is known of a card's money or transactions holds this lock; in order of UID, so that nobody
    waits for ever.
    """
    wanted = sorted(set(uids))
    if not wanted:
        return {}
    found = await _counters(wanted)
    if missing := [uid for uid in wanted if uid not in found]:
        blank = [CardCounter(uid=uid, site_id=site, group_number=group) for uid in missing]
        await CardCounter.bulk_create(blank, ignore_conflicts=True)
        found = await _counters(wanted)
    return found


async def _counters(uids: Sequence[str]) -> dict[str, CardCounter]:
    rows = await CardCounter.filter(uid__in=uids).order_by("uid").select_for_update()
    return {row.uid: row for row in rows}


async def save_counters(rows: Sequence[CardCounter]) -> None:
    """Store how far cards are accounted for; one statement for all."""
    values = [(row.base, row.known, row.top, row.doubts, row.waiting_ms, row.id) for row in rows]
    await _execute_many("UPDATE card_counter SET {} WHERE id = {}", _COUNTER, ("id",), values)


async def counter_of(uid: str) -> CardCounter | None:
    """How far a card is accounted for."""
    return await CardCounter.get_or_none(uid=uid)


async def waiting(group: int, told_ms: int) -> list[str]:
    """Cards of a group that wait for what all devices have told by now."""
    rows = CardCounter.filter(waiting_ms__lt=told_ms, group_number=group).order_by("uid")
    return [str(uid) for uid in await rows.values_list("uid", flat=True)]


async def waiting_groups() -> set[int]:
    """Groups with cards of which something is missing."""
    rows = CardCounter.filter(waiting_ms__not_isnull=True).distinct().values_list("group_number", flat=True)
    return {int(str(group)) for group in await rows}


async def gaps(site: int | None, limit: int) -> list[CardCounter]:
    """Cards with something missing, the longest first."""
    query = CardCounter.filter(waiting_ms__not_isnull=True)
    if site is not None:
        query = query.filter(site_id=site)
    return await query.order_by("waiting_ms").limit(limit)


# Proofs


async def add(rows: Sequence[CardProof]) -> None:
    """Store proofs."""
    values = [tuple(getattr(row, name) for name in _PROOF) for row in rows]
    await _execute_many(f"INSERT INTO card_proof ({', '.join(_PROOF)}) VALUES ({{}})", _PROOF, (), values)


async def _execute_many(
    statement: str, columns: tuple[str, ...], keys: tuple[str, ...], values: Sequence[tuple[Any, ...]]
) -> None:
    """One prepared statement for many rows, in the caller's transaction: the ORM took most of the time (measured)."""
    if not values:
        return
    connection = CardCounter._meta.db
    marks = [f"${at}" if is_postgres(connection) else "?" for at in range(1, len(columns) + len(keys) + 1)]
    if keys:
        pairs = [f"{name} = {mark}" for name, mark in zip(columns, marks, strict=False)]
        sql = statement.format(", ".join(pairs), *marks[len(columns) :])
    else:
        sql = statement.format(", ".join(marks))
    async with connection.acquire_connection() as raw:
        await raw.executemany(sql, values)


async def of_card(uid: str) -> list[CardProof]:
    """All proofs of a card by counter."""
    return await CardProof.filter(uid=uid).order_by("counter", "id")


async def with_counters(pairs: Iterable[tuple[str, int]]) -> list[CardProof]:
    """Proofs with one of these (UID, counter)."""
    wanted = set(pairs)
    rows = await CardProof.filter(uid__in={uid for uid, _ in wanted}, counter__in={counter for _, counter in wanted})
    return [row for row in rows if (row.uid, row.counter) in wanted]


async def set_state(proof: CardProof, state: str) -> None:
    """A proof was checked after all."""
    proof.state = state
    await CardProof.filter(id=proof.id).update(state=state)


async def page(uid: str, after: int, limit: int) -> list[CardProof]:
    """Proofs of a card in order of arrival, after one."""
    return await CardProof.filter(uid=uid, id__gt=after).order_by("id").limit(limit)


# What they are checked against


async def payloads(keys: Iterable[Key]) -> dict[Key, bytes]:
    """Stored ledger events by (site, gate, epoch, seq)."""
    found: dict[Key, bytes] = {}
    by_chain: dict[tuple[int, int, int], list[int]] = {}
    for site, gate, epoch, seq in keys:
        by_chain.setdefault((site, gate, epoch), []).append(seq)
    for (site, gate, epoch), seqs in by_chain.items():
        rows = RawEvent.filter(site=site, gate=gate, stream=Stream.LEDGER, epoch=epoch, seq__in=seqs)
        for seq, payload in await rows.values_list("seq", "payload"):
            found[site, gate, epoch, int(seq)] = bytes(payload)
    return found


async def signed_claims(uids: Iterable[str]) -> dict[str, bytes]:
    """Signed claims that were sent to cards, by digest in hex."""
    rows = await CardWrite.filter(uid__in=list(uids)).values_list("claim_digest", "claim")
    return {str(digest): bytes.fromhex(str(claim)) for digest, claim in rows}


async def signed_amendments(tickets: Iterable[int]) -> dict[int, list[bytes]]:
    """All amendments of tickets, the newest first."""
    rows = (
        await TicketAmendment.filter(ticket_id__in=list(tickets)).order_by("-number").values_list("ticket_id", "signed")
    )
    found: dict[int, list[bytes]] = {}
    for ticket, signed in rows:
        found.setdefault(int(ticket), []).append(bytes.fromhex(str(signed)))
    return found


# What the cloud itself did to cards


async def own_counters(uid: str) -> dict[int, int]:
    """Counters that the cloud's own transactions brought a card to -> when (ms)."""
    found: dict[int, int] = {}
    rows = [
        *await CardWrite.filter(uid=uid, counter__not_isnull=True).values_list("counter", "done_ms"),
        *await CardWipe.filter(card__uid=uid, counter__not_isnull=True).values_list("counter", "done_ms"),
        *await CardChange.filter(card__uid=uid, counter__not_isnull=True).values_list("counter", "at_ms"),
        *await WalletLoad.filter(uid=uid, proved__not_isnull=True).values_list("proved", "ended_ms"),
    ]
    for counter, at_ms in rows:
        found.setdefault(int(counter), int(at_ms or 0))
    return found


@dataclass(frozen=True, slots=True)
class OwnDoubt:
    """A transaction of the cloud's own without the card's answer: what and which row, when it was sent.

    `only`: the counter that it would be, where it was read before. `done`: it is known from elsewhere to have happened.
    """

    kind: str
    row: int
    sent_ms: int
    only: int | None = None
    done: bool = False


async def own_doubts(uid: str) -> list[OwnDoubt]:
    """The cloud's own transactions with a card of which no counter is known."""
    writes = await CardWrite.filter(uid=uid, counter=None).values_list("id", "sent_ms", "done_ms")
    wipes = await CardWipe.filter(card__uid=uid, counter=None).values_list("id", "sent_ms", "done_ms")
    loads = await WalletLoad.filter(uid=uid, state="sent").values_list("id", "sent_ms", "counter")
    return [
        *(OwnDoubt("issue", int(row), int(sent), done=done is not None) for row, sent, done in writes),
        *(OwnDoubt("wipe", int(row), int(sent), done=done is not None) for row, sent, done in wipes),
        *(OwnDoubt("load", int(row), int(sent), int(counter) + 1) for row, sent, counter in loads),
    ]


# Admissions and uses in doubt


async def tickets_of(uid: str) -> set[int]:
    """Tickets that a card has had, or that were told to be on it."""
    written = await CardWrite.filter(uid=uid).distinct().values_list("ticket_id", flat=True)
    told = await CardProof.filter(uid=uid).distinct().values_list("ticket", flat=True)
    return {int(str(number)) for number in [*written, *told]}


async def doubtful_admissions(uid: str, sites: Sequence[int]) -> list[Admission]:
    """Admissions on a card whose commit is in doubt: not settled, settled as charged, or settled by its counters.

    Others, void by what the gate or the card's next admission says, are no candidates for anything.
    """
    rows = Admission.filter(
        _open_to_doubt(),
        site_id__in=list(sites),
        ticket__in=await tickets_of(uid),
        medium=f"{MediumKind.CARD:02x}{uid}",
        state__in=DOUBTFUL,
    )
    return await rows.order_by("at_ms", "id")


async def doubtful_uses(uid: str) -> list[CardUse]:
    """As `doubtful_admissions`, for tills."""
    return await CardUse.filter(_open_to_doubt(), uid=uid, state__in=DOUBTFUL).order_by("at_ms", "id")


def _open_to_doubt() -> Q:
    return Q(settled=None) | Q(settled="charged") | Q(settled_by="proof")


async def settle_admission(admission: Admission, told: str) -> None:
    """An admission in doubt was charged or void, as the card's counters tell."""
    admission.settled, admission.settled_by = told, "proof"
    await Admission.filter(id=admission.id).update(settled=told, settled_by="proof")
