# SPDX-License-Identifier: Apache-2.0
"""The till's protocol on the bench: cards as they physically are, a journal that survives, a machine and its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pistegate_edge.card.facts import CardFiles
from pistegate_edge.core.now import Now
from pistegate_edge.till.core import actions as a
from pistegate_edge.till.core import inputs as i
from pistegate_edge.till.core.machine import TillCore
from pistegate_edge.till.core.memory import Remembered
from pistegate_edge.till.core.plan import TillProfile
from pistegate_edge.till.core.requests import parse_request
from pistegate_edge.till.core.unsettled import OpenUse
from pistegate_protocol.card_layout import LOADS_FILE, RECORDS_VISIBLE, RENTAL_FILE, KeySet, claim_file_content, padded
from pistegate_protocol.claims import Claim
from pistegate_protocol.desfire.transactions import Proof
from pistegate_protocol.events import CardUse, UseKind, UseResult, admission_name
from pistegate_protocol.rental import Rental, encode_rental
from pistegate_protocol.signing import KeyRing, Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.usage import Usage, encode_usage
from pistegate_protocol.wallet import LoadStatement, Wallet, load_in_file, load_of, sign_load

ISSUER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = KeyRing({1: ISSUER.public_key().public_bytes_raw()})
WALL = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)  # 10:00 at the site
NOW = Now(1000.0, WALL, int(WALL.timestamp() * 1000))
TILL = TillProfile(device=21, currency="CNY")
EPOCH = 77
A = TypeVar("A")


def later(seconds: float) -> Now:
    """NOW and so many seconds, on both clocks."""
    wall = WALL + timedelta(seconds=seconds)
    return Now(NOW.mono + seconds, wall, int(wall.timestamp() * 1000))


def files_of(what: Claim, uid: bytes, **usage: Any) -> tuple[bytes, bytes]:
    """Claim file and usage file of a card."""
    signed = sign_claim(what, Medium(MediumKind.CARD, uid), ISSUER)
    return claim_file_content(signed), encode_usage(Usage(claim=claim_digest(signed), **usage))


def uid_of(number: int) -> bytes:
    """UID of card `number`."""
    return bytes([4, number]) * 3 + b"\x00"


def statement(uid: bytes, number: int, loaded: int, currency: str = "CNY", key: Any = ISSUER) -> bytes:
    """A signed load statement."""
    told = LoadStatement(key_id=1, uid=uid, number=number, loaded=loaded, currency=currency)
    return sign_load(told, key)


@dataclass
class ModelCard:
    """A card as it physically is; `records` newest first."""

    number: int = 1
    purse: int = 0
    loads: bytes = b""
    spent: int = 0
    rental: bytes = bytes(RENTAL_FILE.size)
    records: list[bytes] = field(default_factory=list)
    counter: int = 0
    claim: Claim | None = None

    @property
    def uid(self) -> bytes:
        """Of its number."""
        return uid_of(self.number)

    @property
    def balance(self) -> int:
        """What can be spent."""
        signed = load_in_file(self.loads) if self.loads else None
        return Wallet(self.purse, load_of(signed).loaded if signed else 0, self.spent).balance

    def files(self) -> CardFiles:
        """The card as a reader reads it."""
        claim_file, usage_file = (bytes(112), bytes(32)) if self.claim is None else files_of(self.claim, self.uid)
        return CardFiles(
            uid=self.uid,
            key_set=KeySet.FIRST,
            usage=usage_file,
            claim=claim_file,
            amendment=None,
            purse=self.purse,
            loads=padded(self.loads, LOADS_FILE),
            spent=self.spent,
            rental=self.rental,
            proof=Proof(self.counter, bytes(8)),
            records=tuple(self.records[:RECORDS_VISIBLE]),
        )

    def commit(self, write: a.Write) -> Proof:
        """What a till wrote comes into force; the card itself would refuse what it does not have."""
        if write.debit is not None:
            if write.debit.purse > self.purse:
                raise AssertionError("the purse would go below zero")
            self.purse -= write.debit.purse
            self.spent += write.debit.loads
        self.rental = write.rental if write.rental is not None else self.rental
        self.loads = write.loads if write.loads is not None else self.loads
        return self.record(write.record)

    def record(self, record: bytes) -> Proof:
        """One more transaction with its record, as of a gate."""
        self.records.insert(0, record)
        del self.records[RECORDS_VISIBLE:]
        self.counter += 1
        return Proof(self.counter, bytes(8))


@dataclass
class ModelUse:
    """A use that is durable. `truth`: whether the card was changed; `told`: what the journal says of it."""

    use: OpenUse
    truth: bool = False
    ended: UseResult | None = None
    settled: bool | None = None

    @property
    def told(self) -> bool | None:
        """Changed, not changed, or nobody knows yet."""
        if self.settled is not None:
            return self.settled
        return {UseResult.DONE: True, UseResult.VOID: False}.get(self.ended) if self.ended else None


@dataclass
class ModelJournal:
    """What survives a power cut."""

    device: int = TILL.device
    epoch: int = EPOCH
    uses: dict[tuple[int, int], ModelUse] = field(default_factory=dict)
    answers: dict[str, Remembered] = field(default_factory=dict)

    def begin(self, action: a.RecordUse) -> ModelUse:
        """Make a use durable."""
        seq = len(self.uses) + 2
        name = admission_name(self.device, self.epoch, seq)
        use = OpenUse(
            epoch=self.epoch,
            seq=seq,
            name=name,
            event=action.event,
            request=action.request,
            digest=action.digest,
            counter=action.counter,
            newest=action.newest,
        )
        return self.uses.setdefault((self.epoch, seq), ModelUse(use))

    def take(self, action: a.Action) -> None:
        """Ends and settlements."""
        if isinstance(action, a.RecordEnd):
            one = self.uses[action.event.epoch, action.event.seq]
            assert one.ended is None, "two ends of one use"
            one.ended = action.event.result
            assert action.unsettled == (one.told is None)
        elif isinstance(action, a.RecordSettled):
            one = self.uses[action.event.epoch, action.event.seq]
            assert one.told is None, "settled though it was known"
            one.settled = action.event.charged
        if isinstance(action, (a.RecordEnd, a.RecordSettled)) and action.answer is not None:
            self.answers[action.answer.id] = Remembered(action.use.digest, action.answer)

    def boot(self) -> TillCore:
        """The machine as the next run starts it."""
        unsettled = [one.use for one in self.uses.values() if one.ended is not None and one.told is None]
        interrupted = [one.use for one in self.uses.values() if one.ended is None]
        return TillCore(TILL, KEYS, unsettled, interrupted, self.answers.values())


def till(*, serving: bool = True, **changes: Any) -> TillCore:
    """A machine whose reader works."""
    machine = TillCore(TILL, KEYS, **changes)
    machine.start(NOW)
    if serving:
        machine.handle(i.ReaderReady(), NOW)
    return machine


def asked(line: str, client: int = 1) -> i.Asked:
    """A request as it comes in."""
    request = parse_request(line.encode())
    return i.Asked(client, request)  # type: ignore[arg-type]


def debit(id: str = "r1", amount: int = 1800, currency: str = "CNY", client: int = 1) -> i.Asked:
    """A debit as it comes in."""
    return asked(f'{{"do":"debit","id":"{id}","amount":{amount},"currency":"{currency}","item":"coffee"}}', client)


def token_of(actions: Sequence[a.Action]) -> int:
    """The token of the only wish for a card among them."""
    (want,) = told(actions, a.Want)
    return want.token


def told(actions: Sequence[a.Action], kind: type[A]) -> list[A]:
    """The actions of one kind, in order."""
    return [action for action in actions if isinstance(action, kind)]


def codes(actions: Sequence[a.Action]) -> list[str]:
    """What the operator is told, in order."""
    return [tell.answer.code.value for tell in told(actions, a.Tell)]


def open_use(card: ModelCard, name: bytes = b"use-name", request: str = "r1", amount: int = 1800) -> OpenUse:
    """A debit of an earlier run of which nobody knows whether it happened."""
    event = CardUse(
        at=NOW.wall_ms, kind=UseKind.DEBIT, medium=b"\x01" + card.uid, ticket=0, purse=amount, loads=0,
        currency="CNY", purse_before=card.purse, spent_before=card.spent, item="coffee",
    )  # fmt: skip
    newest = card.records[0] if card.records else b""
    return OpenUse(
        epoch=EPOCH, seq=2, name=name, event=event, request=request, digest=bytes(8), counter=card.counter,
        newest=newest,
    )  # fmt: skip


def rental_file(**values: Any) -> bytes:
    """A rental file."""
    return encode_rental(Rental(**values))


def copied(card: ModelCard) -> ModelCard:
    """An image of a card, as an attacker would keep it."""
    return replace(card, records=list(card.records))
