# SPDX-License-Identifier: Apache-2.0
"""From a request and a card to the change to make, or the reason why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from msgspec import structs

from pistegate_edge.card.facts import CardFacts
from pistegate_edge.core.now import Now
from pistegate_edge.till.core.codes import Code
from pistegate_edge.till.core.requests import Change, Debit, Load, RentalBack, RentalOut, moved_by
from pistegate_protocol.card_uses import format_moved
from pistegate_protocol.errors import ProtocolError
from pistegate_protocol.events import CardUse, UseKind
from pistegate_protocol.rental import (
    Rental,
    RentalKind,
    RentalRefusal,
    decode_rental,
    encode_rental,
    give_back,
    take,
)
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.wallet import BalanceTooSmall, LoadStatement, load_in_file, load_of, open_load, split


@dataclass(frozen=True, slots=True)
class TillProfile:
    """What a till knows of itself. `currency`: the only one it takes."""

    device: int
    currency: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The change; `told`: what the operator is told of it beside what `told_of` makes of the event."""

    event: CardUse
    told: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class No:
    """Why not, with the values of the words at `till.CODE`."""

    code: Code
    values: Mapping[str, object] = field(default_factory=dict)


def make_plan(
    request: Change, facts: CardFacts, till: TillProfile, load: bytes | None, issuers: KeyRing, now: Now
) -> Plan | No:
    """`load`: the signed statement that the cloud sent for this card, if any."""
    waiting = None if load is None else _open(load, facts, issuers)
    if isinstance(request, Debit):
        return _debit(request, facts, till, waiting, now)
    if isinstance(request, Load):
        return _load(request, facts, till, load, waiting, now)
    return _rental(request, facts, till, now)


def load_waiting(facts: CardFacts, load: bytes | None, issuers: KeyRing) -> int | None:
    """By how much a load that waits for this card would change its balance; None when none does."""
    waiting = None if load is None else _open(load, facts, issuers)
    return _change(waiting, facts) if isinstance(waiting, LoadStatement) and _newer(waiting, facts) else None


def _debit(
    request: Debit, facts: CardFacts, till: TillProfile, waiting: LoadStatement | str | None, now: Now
) -> Plan | No:
    wallet, statement = facts.money.wallet, facts.money.statement
    if statement is not None and statement.currency != till.currency:
        return No(Code.WRONG_CURRENCY, {"currency": statement.currency, "till": till.currency})
    try:
        purse, loads = split(wallet, request.amount)
    except BalanceTooSmall as error:
        values = {"balance": error.balance, "missing": error.amount - error.balance, "currency": till.currency}
        if isinstance(waiting, LoadStatement) and _newer(waiting, facts):
            return No(Code.BALANCE_TOO_SMALL_LOAD, values | {"waiting": _change(waiting, facts)})
        return No(Code.BALANCE_TOO_SMALL, values)
    event = structs.replace(
        _event(UseKind.DEBIT, facts, request.operator, now),
        purse=purse,
        loads=loads,
        currency=till.currency,
        item=request.item,
    )
    return Plan(event, {"balance_before": wallet.balance, "balance": wallet.balance - request.amount})


def _load(
    request: Load,
    facts: CardFacts,
    till: TillProfile,
    signed: bytes | None,
    waiting: LoadStatement | str | None,
    now: Now,
) -> Plan | No:
    if isinstance(waiting, str):
        return No(Code.LOAD_REFUSED, {"detail": waiting})
    if signed is None or waiting is None or not _newer(waiting, facts):
        return No(Code.NO_LOAD, {"balance": facts.money.wallet.balance, "currency": till.currency})
    if waiting.currency != till.currency:
        return No(Code.WRONG_CURRENCY, {"currency": waiting.currency, "till": till.currency})
    event = structs.replace(
        _event(UseKind.LOAD, facts, request.operator, now), currency=waiting.currency, statement=signed
    )
    before = facts.money.wallet.balance
    change = _change(waiting, facts)
    return Plan(event, {"amount": change, "balance_before": before, "balance": before + change})


def _rental(request: RentalOut | RentalBack, facts: CardFacts, till: TillProfile, now: Now) -> Plan | No:
    rental = facts.rental
    if rental is None:
        return No(Code.CONTENT_INVALID, {"detail": facts.rental_problem})
    moved = moved_by(request) or dict.fromkeys(rental.outstanding, "")
    if not moved:
        return No(Code.NOTHING_OUT)
    change, use = (take, UseKind.RENTAL_OUT) if isinstance(request, RentalOut) else (give_back, UseKind.RENTAL_BACK)
    try:
        after = change(rental, frozenset(moved), till.device, now.wall)
    except RentalRefusal as error:
        return No(Code(error.code), {"kind": error.kind.name.lower()})
    event = structs.replace(
        _event(use, facts, request.operator, now), rental=encode_rental(after), item=format_moved(moved)
    )
    return Plan(event, {})


def told_of(event: CardUse) -> dict[str, object]:
    """What operators are told of a use that is done, from its event alone."""
    if event.kind is UseKind.DEBIT:
        return {
            "kind": "debit",
            "amount": event.purse + event.loads,
            "currency": event.currency,
            "item": event.item,
            "from_purse": event.purse,
            "from_loads": event.loads,
        }
    if event.kind is UseKind.LOAD:
        statement = load_of(event.statement)
        return {"kind": "load", "currency": event.currency, "loaded": statement.loaded, "number": statement.number}
    kind = "rental_out" if event.kind is UseKind.RENTAL_OUT else "rental_back"
    return {"kind": kind, "kinds": event.item.split()} | rental_told(decode_rental(event.rental))


def rental_told(rental: Rental) -> dict[str, object]:
    """What operators are told of a rental: what is out, and for how long it was or is."""
    return {
        "outstanding": kind_names(rental.outstanding),
        "taken": kind_names(rental.taken),
        "since": None if rental.since is None else rental.since.isoformat(),
        "returned": None if rental.returned is None else rental.returned.isoformat(),
        "settled": not rental.outstanding,
    }


def kind_names(kinds: frozenset[RentalKind]) -> list[str]:
    """As requests and answers name them, in the order of their numbers."""
    return [kind.name.lower() for kind in sorted(kinds)]


def _event(kind: UseKind, facts: CardFacts, operator: str, now: Now) -> CardUse:
    return CardUse(
        at=now.wall_ms,
        kind=kind,
        medium=facts.medium,
        ticket=facts.ticket_number or 0,
        purse=0,
        loads=0,
        currency="",
        purse_before=facts.files.purse,
        spent_before=facts.files.spent,
        operator=operator,
    )


def _open(signed: bytes, facts: CardFacts, issuers: KeyRing) -> LoadStatement | str:
    """The statement sent for this card, or why it is not believed."""
    try:
        return open_load(signed, facts.uid, issuers)
    except ProtocolError as error:
        return str(error)


def _newer(statement: LoadStatement, facts: CardFacts) -> bool:
    """Whether it is later than what the card holds, believed or not: a later one must not be lost by an earlier."""
    try:
        signed = load_in_file(facts.files.loads)
        return signed is None or statement.number > load_of(signed).number
    except ProtocolError:
        return True  # nothing that could be a statement


def _change(statement: LoadStatement, facts: CardFacts) -> int:
    wallet = facts.money.wallet
    return replace(wallet, loaded=statement.loaded).balance - wallet.balance
