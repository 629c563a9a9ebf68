# SPDX-License-Identifier: Apache-2.0
"""Equipment handed out at a counter without cards, against a ticket or an identity document.

The same medium takes and returns. A turn is everything that a guest took since the last settlement. A piece can be
with one guest only: the database holds it to that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pistegate_cloud.bindings import numbers
from pistegate_cloud.errors import Problem
from pistegate_cloud.rentals import pieces, queries
from pistegate_cloud.rentals.models import Loan
from pistegate_cloud.rentals.rules import Terms, terms_of
from pistegate_cloud.rentals.schemas import HolderBody, name_of
from pistegate_cloud.services import Services
from pistegate_cloud.tickets import queries as tickets
from pistegate_protocol.rental import RentalKind


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has something: a ticket's number, or a document (stretched, hex) with its last digits."""

    ticket: int | None = None
    document: str | None = None
    last4: str | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """As a loan is found by it."""
        return {"ticket_id": self.ticket} if self.ticket is not None else {"document": self.document}

    @property
    def subject(self) -> str:
        """As a settlement names it."""
        return f"ticket:{self.ticket}" if self.ticket is not None else f"document:{self.document}"


async def holder_of(body: HolderBody, services: Services) -> Holder:
    """Whom a request means; before the transaction, because stretching takes its time. Problem."""
    if body.ticket is not None:
        ticket = await tickets.ticket(body.ticket)
        if ticket.status == "revoked":
            raise Problem("ticket_revoked", ticket=ticket.number)
        return Holder(ticket=ticket.number)
    if body.document is None:
        raise Problem("identity_wrong", why="missing")
    identity = body.document.identity()
    stretched = await numbers.stretched(identity, numbers.of(services.settings))
    return Holder(document=stretched.hex(), last4=identity.last4)


async def terms(site: int, at_ms: int) -> Terms | None:
    """What a site asked for equipment at a time; None: nothing was said."""
    row = await queries.terms_at(site, at_ms)
    return terms_of(row.currency, row.terms) if row else None


async def hand_out(
    site: int, holder: Holder, wanted: Sequence[tuple[RentalKind, str]], actor: str, now_ms: int
) -> list[Loan]:
    """Hand pieces out, in the caller's transaction; Problem when one is out, unfit, or of a kind that was taken."""
    known = await queries.pieces_by_label(site, [label for _, label in wanted])
    turn = await queries.loans_of_turn(site, holder.columns)
    rules = await terms(site, now_ms)
    rows: list[Loan] = []
    for kind, label in wanted:
        piece = known.get(label)
        if piece is None or piece.kind != kind:
            raise Problem("unknown_reference", what=f"{name_of(kind)} {label} in stock of site {site}")
        if piece.state in ("damaged", "retired"):
            raise Problem("equipment_unfit", label=label, state=piece.state)
        same = [loan for loan in turn if loan.kind == kind]
        if rules is not None and rules.once and (same or any(row.kind == kind for row in rows)):
            raise Problem("equipment_once", kind=name_of(kind))
        if await queries.is_out(site, label):
            raise Problem("equipment_out", label=label)
        rows.append(
            Loan(
                site_id=site,
                ticket_id=holder.ticket,
                document=holder.document,
                last4=holder.last4,
                kind=int(kind),
                label=label,
                out_key=f"{site}/{label}",
                taken_ms=now_ms,
                taken_by=actor,
            )
        )
    for row in rows:
        if not await queries.add_loan(row):  # somebody else was handed it at this moment
            raise Problem("equipment_out", label=row.label)
    await pieces.follow(site, [row.label for row in rows], now_ms)
    return rows


async def take_in(site: int, holder: Holder, labels: Sequence[str], actor: str, now_ms: int) -> list[Loan]:
    """Pieces come back, in the caller's transaction; Problem when one is not out with this guest."""
    rows = []
    for label in labels:
        loan = await queries.loan_out(site, label)
        if loan is None:
            raise Problem("equipment_not_out", label=label)
        if (loan.ticket_id, loan.document) != (holder.ticket, holder.document):
            raise Problem("equipment_other_medium", label=label)
        if not await queries.end_loan(loan, actor, now_ms):
            raise Problem("equipment_not_out", label=label)
        rows.append(loan)
    await pieces.follow(site, labels, now_ms)
    return rows
