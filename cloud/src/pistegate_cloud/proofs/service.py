# SPDX-License-Identifier: Apache-2.0
"""Proofs as they come in: checked, kept, counted. What is out of order is weighed in reckoning.py.

All in the applier's transaction. The common case, a card's next proof in its turn, costs one lookup of the card's
counter, one check and two writes for a whole chunk of events.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pistegate_cloud.exceptions import queries as exceptions
from pistegate_cloud.proofs import queries
from pistegate_cloud.proofs.models import CardCounter, CardProof
from pistegate_cloud.settings import CardKeySettings
from pistegate_protocol.card_layout import AID, AMENDMENT_FILE, UID_BYTES, claim_file_content, padded
from pistegate_protocol.desfire.diversify import diversify
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import (
    EVENTS,
    READ_AMENDMENT,
    READ_CLAIM,
    Admitted,
    CardUse,
    Event,
    Proof,
    admission_name,
)
from pistegate_protocol.proofs import ContentUnknown, admission_input, card_use_input, lane_codes, proves
from pistegate_protocol.signing import Medium, MediumKind

KEYS_CACHED = 20_000  # cards; deriving a key takes as long as checking a proof


@dataclass(frozen=True, slots=True)
class Told:
    """What a device tells of one commit: the transaction's event, its place, and what the card answered."""

    site: int
    gate: int
    epoch: int
    seq: int
    event: Admitted | CardUse
    proof: Proof

    @property
    def uid(self) -> str:
        """The card's, in hex; empty when the medium is none of our cards."""
        return uid_of(self.event.medium)

    @property
    def name(self) -> bytes:
        """By which the card and other events name the transaction."""
        return admission_name(self.gate, self.epoch, self.seq)


def uid_of(medium: bytes) -> str:
    """The UID in hex of a medium that can be one of our cards, else empty."""
    try:
        found = Medium.from_bytes(medium)
    except CodecError:
        return ""
    return found.id.hex() if found.kind is MediumKind.CARD and len(found.id) == UID_BYTES else ""


class Checker:
    """Checks proofs with the transaction key; without keys nothing can be checked, and everything is "unknown"."""

    def __init__(self, settings: CardKeySettings | None) -> None:
        self._settings = settings
        self._key = lru_cache(KEYS_CACHED)(self._derive)

    async def states(self, told: Sequence[Told]) -> list[str]:
        """For each: "verified", "false", or "unknown"."""
        reads = [each for each in told if isinstance(each.event, Admitted) and each.event.reads]
        claims: dict[str, bytes] = {}
        amendments: dict[int, list[bytes]] = {}
        if any(_reads(each, READ_CLAIM) for each in reads):
            claims = await queries.signed_claims({each.uid for each in reads})
        if any(_reads(each, READ_AMENDMENT) for each in reads):
            amendments = await queries.signed_amendments({each.event.ticket for each in reads})
        return [self._state(each, claims, amendments.get(each.event.ticket, [])) for each in told]

    def _state(self, told: Told, claims: dict[str, bytes], amendments: list[bytes]) -> str:
        if self._settings is None or not told.uid:
            return "unknown"
        uid = bytes.fromhex(told.uid)
        try:
            inputs = _inputs(told, claims, amendments)
            return "verified" if proves(self._key(uid), uid, told.proof, inputs) else "false"
        except ContentUnknown:
            return "unknown"
        except CodecError:
            return "false"  # an event that no card transaction can look like

    def _derive(self, uid: bytes) -> bytes:
        if self._settings is None:
            return b""
        master, system = bytes.fromhex(self._settings.transaction), bytes.fromhex(self._settings.system)
        return diversify(master, uid, AID, system)


def _reads(told: Told, bit: int) -> bool:
    return isinstance(told.event, Admitted) and bool(told.event.reads & bit)


def _inputs(told: Told, claims: dict[str, bytes], amendments: list[bytes]) -> Iterable[bytes]:
    """Everything that the card may have MACed, if the event is true; ContentUnknown when that cannot be told."""
    event = told.event
    if isinstance(event, CardUse):
        yield card_use_input(event, told.gate, told.name)
        return
    signed = claims.get(event.claim.hex())
    claim_file = claim_file_content(signed) if signed else None
    files = [padded(each, AMENDMENT_FILE) for each in amendments] if _reads(told, READ_AMENDMENT) else []
    choices: list[bytes | None] = [*files] or [None]
    for amendment_file in choices:
        for code in lane_codes(told.site, told.gate):
            yield admission_input(event, told.name, code, claim_file=claim_file, amendment_file=amendment_file)


async def keep(told: Sequence[Told], checker: Checker, now_ms: int) -> list[CardProof]:
    """Check proofs and keep them; what is false is shown."""
    rows = [
        CardProof(
            site_id=each.site,
            uid=each.uid,
            counter=each.proof[0],
            value=each.proof[1].hex(),
            kind="use" if isinstance(each.event, CardUse) else "admission",
            gate=each.gate,
            epoch=each.epoch,
            seq=each.seq,
            state=state,
            ticket=each.event.ticket,
            at_ms=each.event.at,
            told_ms=now_ms,
        )
        for each, state in zip(told, await checker.states(told), strict=True)
    ]
    await queries.add(rows)
    await exceptions.record([false_proof(row) for row in rows if row.state == "false"], now_ms)
    return rows


async def recheck(rows: Sequence[CardProof], checker: Checker, now_ms: int) -> None:
    """Check again what could not be checked when it came."""
    open_rows = [row for row in rows if row.state == "unknown"]
    if not open_rows:
        return
    payloads = await queries.payloads((row.site_id, row.gate, row.epoch, row.seq) for row in open_rows)
    told = []
    for row in open_rows:
        event = _decoded(payloads.get((row.site_id, row.gate, row.epoch, row.seq)))
        if event is not None:
            proof = (row.counter, bytes.fromhex(row.value))
            told.append((row, Told(row.site_id, row.gate, row.epoch, row.seq, event, proof)))
    states = await checker.states([each for _, each in told])
    for (row, _), state in zip(told, states, strict=True):
        if state != "unknown":
            await queries.set_state(row, state)
    await exceptions.record([false_proof(row) for row, _ in told if row.state == "false"], now_ms)


def _decoded(payload: bytes | None) -> Admitted | CardUse | None:
    try:
        event: Event | None = EVENTS.decode(payload) if payload else None
    except CodecError:
        return None
    return event if isinstance(event, Admitted | CardUse) else None


def false_proof(row: CardProof) -> exceptions.Case:
    """The exception about a proof that does not belong to its event."""
    return exceptions.Case(
        kind="proof_false",
        key=f"{row.site_id}/{row.gate}/{row.epoch}/{row.seq}",
        site=row.site_id,
        gate=row.gate,
        ticket=row.ticket or None,
        values={"gate": row.gate, "epoch": row.epoch, "seq": row.seq, "uid": row.uid, "counter": row.counter},
    )


def in_turn(counter: CardCounter, rows: Sequence[CardProof]) -> bool:
    """Move a card's counter over verified proofs that follow one another; False when there is something to weigh."""
    rows = [row for row in rows if row.state != "false"]  # it accounts for no counter, and was shown
    if counter.doubts and rows:
        return False
    for row in sorted(rows, key=lambda row: row.counter):
        if row.state != "verified" or row.counter != counter.known + 1 or counter.waiting_ms is not None:
            return False
        counter.known = counter.top = row.counter
    return True


def may_wait(counter: CardCounter) -> bool:
    """Whether weighing a card can wait until its device's backlog is through: it misses counters, nothing is in doubt.

    A card that was used at several gates which were alone would be weighed with all its proofs for each chunk.
    """
    return counter.waiting_ms is not None and not counter.doubts
