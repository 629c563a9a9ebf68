# SPDX-License-Identifier: Apache-2.0
"""Gates and tills that work on a simulated card with the product's flows and tell the events that real ones tell.

A transaction ends as `cut` says: NONE, the card answers; UNSENT, it leaves before the commit; UNHEARD, it leaves after
the commit was done and before its answer; UNDONE, the commit was sent and never reached it.
"""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from random import Random
from typing import Any

from card_flows import run_flow

from pistegate_protocol.card_layout import CardKey
from pistegate_protocol.card_uses import use_record
from pistegate_protocol.desfire import transactions
from pistegate_protocol.desfire.transactions import Debit, open_card, read_rental, read_wallet
from pistegate_protocol.events import (
    READ_CLAIM,
    Admitted,
    CardUse,
    CardUseEnded,
    Outcome,
    OutcomeKind,
    Settled,
    UseKind,
    UseResult,
    admission_name,
)
from pistegate_protocol.records import passage_record
from pistegate_protocol.rental import (
    RentalKind,
    decode_rental,
    encode_rental,
    give_back,
    take,
)
from pistegate_protocol.signing import Medium, MediumKind
from pistegate_protocol.topics import Role
from pistegate_protocol.usage import decode_usage, encode_counters, encode_usage
from pistegate_protocol.wallet import Wallet, load_in_file, load_of, split
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import CardMasters


class Cut(Enum):
    """Where the card leaves."""

    NONE = "none"
    UNSENT = "unsent"
    UNHEARD = "unheard"
    UNDONE = "undone"


DOUBTFUL = (Cut.UNHEARD, Cut.UNDONE)
_OUTCOMES = {
    Cut.NONE: OutcomeKind.PASSED,
    Cut.UNSENT: OutcomeKind.CARD_VOID,
    Cut.UNHEARD: OutcomeKind.CARD_UNCONFIRMED,
    Cut.UNDONE: OutcomeKind.CARD_UNCONFIRMED,
}
_RESULTS = {
    Cut.NONE: UseResult.DONE,
    Cut.UNSENT: UseResult.VOID,
    Cut.UNHEARD: UseResult.UNCONFIRMED,
    Cut.UNDONE: UseResult.UNCONFIRMED,
}


@dataclass
class Bench:
    """Cards' masters and a random source; `now_ms` moves with every transaction."""

    masters: CardMasters
    now_ms: int
    rng: Random = field(default_factory=lambda: Random(11))
    step_ms: int = 5000

    def ride(self, gate: Any, card: DesfireCard, ticket: int = 42, cut: Cut = Cut.NONE, **lies: Any) -> int:
        """A gate admits the card's holder; the admission's seq. `lies`: fields of the event told otherwise."""
        at = self._begin(card)
        content = run_flow(open_card(self._key(card), self.rng.randbytes(16)), card.process)
        before = decode_usage(content.usage_file)
        seq = len(gate.payloads[1]) + 1
        name = admission_name(gate.device.number, gate.epoch, seq)
        after = decode_usage(encode_usage(_later(before, name, at, gate.device.number)))
        fields: dict[str, Any] = {
            "at": at, "ticket": ticket, "medium": medium(card), "claim": before.claim, "n": 1, "charged": 1,
            "counters": encode_counters(after), "prev": before.admission, "reads": READ_CLAIM,
            "before": content.usage_file[:1] + content.usage_file[17:],
        }  # fmt: skip
        assert gate.add(Admitted(**(fields | lies))) == seq
        record = passage_record(at, False, gate.device.number, 1, name)
        proof = self._write(card, content.session, cut, usage=encode_usage(after), record=record)
        passed = 1 if cut is Cut.NONE else 0
        gate.add(Outcome(at + 2000, gate.epoch, seq, _OUTCOMES[cut], passed, 0, proof))
        return seq

    def spend(
        self, till: Any, card: DesfireCard, amount: int, cut: Cut = Cut.NONE, item: str = "soup", **lies: Any
    ) -> int:
        """A till debits the card; the use's seq."""
        at = self._begin(card)
        wallet, files = self.balance(card)
        from_purse, from_loads = split(wallet, amount)
        event = CardUse(
            at=at,
            kind=UseKind.DEBIT,
            medium=medium(card),
            ticket=0,
            purse=from_purse,
            loads=from_loads,
            currency="CNY",
            purse_before=files.purse,
            spent_before=files.spent,
            item=item,
            operator="anna",
        )
        return self._use(till, card, event, cut, debit=Debit(from_purse, from_loads), lies=lies)

    def write_statement(self, till: Any, card: DesfireCard, signed: bytes, cut: Cut = Cut.NONE) -> int:
        """A till writes a load statement to the card."""
        at = self._begin(card)
        _, files = self.balance(card)
        event = CardUse(
            at=at,
            kind=UseKind.LOAD,
            medium=medium(card),
            ticket=0,
            purse=0,
            loads=0,
            currency="CNY",
            purse_before=files.purse,
            spent_before=files.spent,
            statement=signed,
        )
        return self._use(till, card, event, cut, loads=signed)

    def rent(
        self, till: Any, card: DesfireCard, item: str, *, back: bool = False, cut: Cut = Cut.NONE, ticket: int = 0
    ) -> int:
        """A till hands out or takes back equipment, `item` as in the event: `boots skis=K2`."""
        at = self._begin(card)
        session = self._session(card)
        now = datetime.fromtimestamp(at / 1000, UTC)
        kinds = frozenset(RentalKind[word.split("=")[0].upper()] for word in item.split())
        change = give_back if back else take
        before = decode_rental(run_flow(read_rental(session), card.process))
        rental = encode_rental(change(before, kinds, till.device.number, now))
        kind = UseKind.RENTAL_BACK if back else UseKind.RENTAL_OUT
        event = CardUse(
            at=at,
            kind=kind,
            medium=medium(card),
            ticket=ticket,
            purse=0,
            loads=0,
            currency="",
            purse_before=0,
            spent_before=0,
            rental=rental,
            item=item,
        )
        return self._use(till, card, event, cut, rental=rental)

    def settle(self, device: Any, seq: int, charged: bool) -> None:
        """The device tells what a card told it."""
        device.add(Settled(self._tick(), device.epoch, seq, charged))

    def balance(self, card: DesfireCard) -> tuple[Wallet, Any]:
        """What the card holds, as a till reads it."""
        files = run_flow(read_wallet(self._session(card)), card.process)
        signed = load_in_file(files.loads_file)
        loaded = load_of(signed).loaded if signed else 0
        return Wallet(files.purse, loaded, files.spent), files

    def rewrite(self, card: DesfireCard, usage: bytes) -> None:
        """Attack: somebody with a stolen gate's key writes another usage, and tells nobody."""
        self._begin(card)
        content = run_flow(open_card(self._key(card), self.rng.randbytes(16)), card.process)
        self._write(card, content.session, Cut.NONE, usage=usage, record=None)

    def _use(
        self, till: Any, card: DesfireCard, event: CardUse, cut: Cut, lies: dict[str, Any] | None = None, **writes: Any
    ) -> int:
        seq = len(till.payloads[1]) + 1
        name = admission_name(till.device.number, till.epoch, seq)
        told = CardUse(**({f: getattr(event, f) for f in event.__struct_fields__} | (lies or {})))
        assert till.add(told) == seq
        record = use_record(event, till.device.number, name)
        session = self._session(card)  # authenticated anew: what was read is not in the proof
        proof = self._write(card, session, cut, usage=None, record=record, **writes)
        till.add(CardUseEnded(event.at + 500, till.epoch, seq, _RESULTS[cut], proof))
        return seq

    def _write(self, card: DesfireCard, session: Any, cut: Cut, **writes: Any) -> tuple[int, bytes] | None:
        """Write and commit; the proof where the card's answer was heard."""
        usage, record = writes.pop("usage"), writes.pop("record")
        run_flow(transactions.write_use(session, usage, record, **writes), card.process)
        if cut in (Cut.UNSENT, Cut.UNDONE):
            card.power_off()
            return None
        proof = run_flow(transactions.commit(session), card.process)
        card.power_off()
        return (proof.counter, proof.value) if cut is Cut.NONE else None

    def _begin(self, card: DesfireCard) -> int:
        card.power_off()
        card.power_on()
        return self._tick()

    def _tick(self) -> int:
        self.now_ms += self.step_ms
        return self.now_ms

    def _session(self, card: DesfireCard) -> Any:
        flow: Generator[bytes, bytes, Any] = transactions.open_session(
            CardKey.GATE, self._key(card), self.rng.randbytes(16)
        )
        return run_flow(flow, card.process)

    def _key(self, card: DesfireCard) -> bytes:
        return self.masters.card_key(card.uid, CardKey.GATE)


def medium(card: DesfireCard) -> bytes:
    """The card as events name it."""
    return Medium(MediumKind.CARD, card.uid).to_bytes()


def till_of(new_gate: Any, number: int, epoch: int = 5 << 32, previous: Any = None) -> Any:
    """A run of a till: a device whose role is till."""
    till = new_gate(number, epoch, previous)
    till.device = replace(till.device, role=Role.TILL)
    return till


def put_ticket(card: DesfireCard, usage: bytes) -> None:
    """A usage on the card, as issuing leaves it, without a transaction."""
    stock.put_usage(card, usage)


def _later(before: Any, name: bytes, at_ms: int, gate: int) -> Any:
    entry = datetime.fromtimestamp(at_ms // 1000, UTC)
    day = (entry - datetime(2020, 1, 1, tzinfo=UTC)).days
    same = before.day == day
    return replace(
        before,
        admission=name,
        used_total=before.used_total + 1,
        day=day,
        used_on_day=before.used_on_day + 1 if same else 1,
        last_entry=entry,
        last_gate=gate,
    )
