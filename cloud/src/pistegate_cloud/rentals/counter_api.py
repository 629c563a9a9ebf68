# SPDX-License-Identifier: Apache-2.0
"""HTTP API of equipment: what it costs, its stock, and the counter where no cards are."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from tortoise.transactions import in_transaction

from pistegate_cloud.audit import service as audit
from pistegate_cloud.errors import Problem
from pistegate_cloud.problems import documented
from pistegate_cloud.rentals import counter, pieces, queries
from pistegate_cloud.rentals.models import Loan, Piece, RentalTerms
from pistegate_cloud.rentals.schemas import (
    EquipmentTermsAnswer,
    EquipmentTermsBody,
    Kind,
    Label,
    LoanAnswer,
    LoanBody,
    PieceChangeBody,
    PiecesBody,
    ReturnBody,
    StockPieceAnswer,
    kind_of,
    name_of,
)
from pistegate_cloud.schemas import After, Limit, Page, SiteFilter, TicketNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["rentals"])
_READ = [Depends(require(Scope.RENTALS_READ))]
Writer = Annotated[Caller, Depends(require(Scope.RENTALS_WRITE))]
Pricer = Annotated[Caller, Depends(require(Scope.PRICES_WRITE))]
_HOLDER = ("not_found", "ticket_revoked", "identity_wrong", "bindings_off")


@router.put("/rentals/terms", responses=documented("not_found", "state_conflict"))
async def set_terms(body: EquipmentTermsBody, services: WithServices, caller: Pricer) -> EquipmentTermsAnswer:
    """What equipment, its loss and its damage cost from now on. What was taken before keeps the terms of its time."""
    await sites.site(body.site)
    now_ms = services.clock.wall_ms()
    data = body.model_dump(mode="json", by_alias=True, exclude={"site", "currency"}, exclude_none=True)
    row = RentalTerms(site_id=body.site, from_ms=now_ms, currency=body.currency, terms=data, actor=caller.name)
    async with in_transaction():
        if not await queries.add_terms(row):
            raise Problem("state_conflict", noun="rental terms", state="changed", event="change")
        await audit.note(caller, "rental.terms", body.site, f"site:{body.site}", after=data, now_ms=now_ms)
    return _terms(row)


@router.get("/rentals/terms", dependencies=_READ, responses=documented())
async def list_terms(site: SiteFilter = None) -> Page[EquipmentTermsAnswer]:
    """All terms that were set, the newest of each site first."""
    return Page(items=[_terms(row) for row in await queries.all_terms(site)])


@router.post("/rentals/pieces", status_code=201, responses=documented("not_found", "already_exists"))
async def add_pieces(body: PiecesBody, services: WithServices, caller: Writer) -> Page[StockPieceAnswer]:
    """Take pieces into stock, each with its barcode."""
    await sites.site(body.site)
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        rows = await pieces.add(body.site, [(kind_of(each.kind), each.label) for each in body.pieces], now_ms)
        count = {"pieces": len(rows)}
        await audit.note(caller, "rental.pieces", body.site, f"site:{body.site}", after=count, now_ms=now_ms)
    return Page(items=[_piece(row) for row in rows])


@router.get("/rentals/pieces", dependencies=_READ, responses=documented())
async def list_pieces(
    site: SiteFilter = None,
    kind: Annotated[Kind | None, Query()] = None,
    state: Annotated[str | None, Query(pattern="^(in|out|damaged|retired)$")] = None,
    label: Annotated[Label | None, Query()] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[StockPieceAnswer]:
    """Pieces in stock: what is out now, what is damaged."""
    rows = await queries.stock(site, kind_of(kind) if kind else None, state, label, after, limit)
    return Page(items=[_piece(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


@router.post("/rentals/pieces/change", responses=documented("not_found", "state_conflict"))
async def change_piece(body: PieceChangeBody, services: WithServices, caller: Writer) -> StockPieceAnswer:
    """A piece is damaged, repaired, or retired for good."""
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        row = await pieces.change(body.site, body.label, body.event, body.note, now_ms)
        after = {"state": row.state}
        await audit.note(caller, "rental.piece", body.site, f"piece:{row.label}", after=after, now_ms=now_ms)
    return _piece(row)


@router.post(
    "/rentals/loans",
    status_code=201,
    responses=documented(*_HOLDER, "unknown_reference", "equipment_unfit", "equipment_once", "equipment_out"),
)
async def hand_out(body: LoanBody, services: WithServices, caller: Writer) -> Page[LoanAnswer]:
    """Hand out pieces against a ticket or an identity document."""
    holder = await counter.holder_of(body, services)
    now_ms = services.clock.wall_ms()
    wanted = [(kind_of(each.kind), each.label) for each in body.pieces]
    async with in_transaction():
        rows = await counter.hand_out(body.site, holder, wanted, caller.name, now_ms)
        await _note(caller, "rental.out", body.site, holder, rows, now_ms)
    return Page(items=[_loan(row) for row in rows])


@router.post(
    "/rentals/loans/return",
    responses=documented(*_HOLDER, "equipment_not_out", "equipment_other_medium"),
)
async def take_in(body: ReturnBody, services: WithServices, caller: Writer) -> Page[LoanAnswer]:
    """Pieces come back, with the ticket or document that took them."""
    holder = await counter.holder_of(body, services)
    now_ms = services.clock.wall_ms()
    async with in_transaction():
        rows = await counter.take_in(body.site, holder, body.labels, caller.name, now_ms)
        await _note(caller, "rental.back", body.site, holder, rows, now_ms)
    return Page(items=[_loan(row) for row in rows])


@router.get("/rentals/loans", dependencies=_READ, responses=documented())
async def list_loans(
    site: SiteFilter = None,
    ticket: Annotated[TicketNumber | None, Query()] = None,
    label: Annotated[Label | None, Query()] = None,
    out: Annotated[bool, Query(description="Only what is out.")] = False,
    after: After = 0,
    limit: Limit = 100,
) -> Page[LoanAnswer]:
    """What was handed out at counters."""
    rows = await queries.loans(site, ticket, None, label, out=out, after=after, limit=limit)
    return Page(items=[_loan(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


async def _note(caller: Caller, what: str, site: int, holder: counter.Holder, rows: list[Loan], now_ms: int) -> None:
    """Who took is written down as a ticket; of a document nothing but that it was one."""
    subject = f"ticket:{holder.ticket}" if holder.ticket is not None else "document"
    await audit.note(caller, what, site, subject, after={"labels": [row.label for row in rows]}, now_ms=now_ms)


def _terms(row: RentalTerms) -> EquipmentTermsAnswer:
    return EquipmentTermsAnswer.model_validate(
        row.terms | {"site": row.site_id, "currency": row.currency, "since": iso(row.from_ms)}
    )


def _piece(row: Piece) -> StockPieceAnswer:
    return StockPieceAnswer(
        site=row.site_id,
        kind=name_of(row.kind),
        label=row.label,
        state=row.state,
        note=row.note,
        changed=iso(row.changed_ms),
    )


def _loan(row: Loan) -> LoanAnswer:
    return LoanAnswer(
        id=row.id,
        site=row.site_id,
        kind=name_of(row.kind),
        label=row.label,
        ticket=row.ticket_id,
        last4=row.last4,
        taken=iso(row.taken_ms),
        returned=iso(row.returned_ms) if row.returned_ms is not None else None,
    )
