# SPDX-License-Identifier: Apache-2.0
"""The lines of a settlement: what is charged and why, what was consumed, line by line, from what was read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from pistegate_cloud.clock import from_ms
from pistegate_cloud.errors import Problem
from pistegate_cloud.pricing.lists import Tiers
from pistegate_cloud.pricing.rules import overtime_fee
from pistegate_cloud.rentals import counter
from pistegate_cloud.rentals.rules import Span, Terms, clock_fee, clock_of, damage_of
from pistegate_cloud.rentals.schemas import name_of
from pistegate_cloud.settlements import queries
from pistegate_cloud.settlements.overtime import overtime
from pistegate_cloud.settlements.reading import Read
from pistegate_cloud.settlements.rules import Line, overtime_due
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.wallets import queries as wallets
from pistegate_protocol.rental import RentalKind


@dataclass(frozen=True, slots=True)
class Found:
    """Damage or loss that a person found: `code` of the price list, or "lost"; `item`: label of the piece."""

    code: str
    kind: RentalKind
    item: str = ""


async def charges(read: Read, found: Sequence[Found], now_ms: int) -> list[Line]:
    """What is owed for equipment, damage and overtime; Problem settlement_price for what has no price."""
    first = min((piece.taken_ms for piece in read.pieces if piece.taken_ms is not None), default=now_ms)
    terms = await counter.terms(read.site, first)
    lines = await _equipment(read, terms, now_ms) if terms else []
    return [*lines, *(await _overtime(read, now_ms)), *_damages(read, found, terms)]


def _local(at_ms: int, zone: tzinfo) -> str:
    """As the site's clocks show it."""
    return from_ms(at_ms).astimezone(zone).strftime("%Y-%m-%d %H:%M")


async def _equipment(read: Read, terms: Terms, now_ms: int) -> list[Line]:
    spans = [Span(RentalKind(piece.kind), piece.taken_ms, piece.returned_ms) for piece in read.pieces]
    lines = []
    untold = any(piece.only_card for piece in read.pieces)
    last_ms = now_ms if any(piece.out for piece in read.pieces) else read.last_ms
    clock = clock_of(spans, terms.clock, last_ms)
    if clock is not None and terms.clock.tiers:
        fee = clock_fee(*clock, terms.clock)
        zone = await sites.zone(read.site)
        values = {
            "since": _local(clock[0], zone),
            "until": _local(clock[1], zone),
            "minutes": fee.minutes,
            "up_to": fee.up_to,
            "steps": fee.steps,
        } | _booked(terms)
        key = "rental_free" if fee.up_to is None else "rental_beyond" if fee.steps else "rental"
        lines.append(Line(key, fee.fee, values, untold, "rental"))
    for kind in sorted({RentalKind(piece.kind) for piece in read.pieces}):
        if price := terms.flat.get(kind):
            lines.append(Line("flat", price, {"kind": name_of(kind)} | _booked(terms), untold, "flat"))
    return lines


def _booked(terms: Terms) -> dict[str, Any]:
    """Whose revenue a charge is, and the tax inside it."""
    return {"tax_bp": terms.tax_bp, "department": terms.department}


async def _overtime(read: Read, now_ms: int) -> list[Line]:
    """The fee of the ticket's overtime by the terms that it was sold with, less what was paid for it before."""
    over = await overtime(read, now_ms)
    if over is None:
        return []
    line = await queries.line_of_ticket(over.ticket)
    tiers = (line.terms or {}).get("overtime") if line else None
    if not tiers:
        return []
    zone = await sites.zone(read.site)
    fee = overtime_fee(over.minutes, Tiers.model_validate(tiers)).amount
    paid = await queries.overtime_paid(over.ticket)
    values = {
        "ticket": over.ticket,
        "minutes": over.minutes,
        "ended": _local(over.ended_ms, zone),
        "left": _local(over.left_ms, zone),
        "fee": fee,
    }
    tax = {"tax_bp": line.tax_bp, "department": line.department} if line else {}
    lines = [Line("overtime", overtime_due(fee, paid), values | tax, over.only_card, "overtime")]
    if paid:
        lines.append(Line("overtime_paid", 0, {"ticket": over.ticket, "amount": paid}))
    return lines


def _damages(read: Read, found: Sequence[Found], terms: Terms | None) -> list[Line]:
    lines = []
    for each in found:
        damage = damage_of(terms, each.kind, each.code) if terms else None
        if damage is None or terms is None:
            raise Problem("settlement_price", site=read.site, code=each.code, kind=name_of(each.kind))
        kind = "lost" if each.code == "lost" else "damage"
        item = each.item or next((piece.item for piece in read.pieces if piece.kind == each.kind), "")
        values = {"code": each.code, "kind": name_of(each.kind), "item": item, "name": dict(damage.name)}
        values |= _booked(terms)
        lines.append(Line(kind, damage.price, values, kind=kind))
    return lines


async def consumption(read: Read) -> list[Line]:
    """What the card paid at tills in this turn: told by tills, then what the card alone remembers."""
    if read.turn is None:
        return []
    turn = await wallets.turn(read.turn)
    zone = await sites.zone(read.site)
    lines = []
    for use in await queries.debits_of_turn(turn.id):
        values = {"till": use.gate, "at": _local(use.at_ms, zone), "item": use.item, "spent": use.purse + use.loads}
        lines.append(Line("consumption", 0, values))
    for debit in read.untold:
        values = {"till": debit.till, "at": _local(debit.at_ms, zone), "spent": debit.amount}
        lines.append(Line("consumption_untold", 0, values, only_card=True))
    if read.balance is not None and turn.wallet_id is not None:
        lines.append(Line("card_balance", 0, {"balance": read.balance}))
        if read.balance > read.books:
            lines.append(Line("card_beyond_books", 0, {"balance": read.balance, "books": read.books}))
    return lines
