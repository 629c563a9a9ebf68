# SPDX-License-Identifier: Apache-2.0
"""HTTP API of rentals."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from pistegate_cloud.cards.desk import DESK_PROBLEMS, Desk
from pistegate_cloud.problems import documented
from pistegate_cloud.rentals import queries
from pistegate_cloud.rentals.checkout import CheckOut, check_out
from pistegate_cloud.rentals.models import Rental
from pistegate_cloud.schemas import (
    After,
    Body,
    DeviceNumber,
    Limit,
    Page,
    SiteFilter,
    SiteNumber,
    TicketNumber,
    WaitMs,
    iso,
)
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope
from pistegate_cloud.wallets.schemas import Uid
from pistegate_protocol.rental import RentalKind

router = APIRouter(tags=["rentals"])
Reader = Annotated[Caller, Depends(require(Scope.RENTALS_READ))]
_LABEL_MAX = 24  # characters, as tills scan them (protocol card_uses.py)


class RentalAnswer(BaseModel):
    """One kind of equipment on one card; `taken` null: no till has told it (yet)."""

    id: int
    site: int
    uid: str
    ticket: int | None
    kind: str
    item: str
    taken: datetime | None
    returned: datetime | None


class CheckOutBody(Body):
    """The encoder where the card lies."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1, "encoder": 1}})

    site: SiteNumber
    encoder: DeviceNumber
    wait_ms: WaitMs = 5000


class PieceAnswer(BaseModel):
    """`out`: as the card says; `told`: the cloud has heard the same from tills."""

    kind: str
    item: str
    out: bool
    taken: datetime | None
    returned: datetime | None
    told: bool


class UnreportedAnswer(BaseModel):
    """A record of the card that no device has told yet; `value`: minor units, persons, or bits of equipment."""

    kind: str
    at: datetime
    device: int
    value: int


class CheckOutAnswer(BaseModel):
    """What is to be settled; `ready`: nothing is out. Money in minor units of `currency`."""

    uid: str
    ticket: int | None
    ready: bool
    pieces: list[PieceAnswer]
    since: datetime | None
    until: datetime | None
    wallet: int | None
    currency: str | None
    balance: int
    account: int | None
    books: int | None
    unreported_debits: int
    unreported: list[UnreportedAnswer]


@router.get("/rentals", responses=documented())
async def list_rentals(
    caller: Reader,
    site: SiteFilter = None,
    uid: Annotated[Uid | None, Query(description="Of this card (UID in hex).")] = None,
    ticket: Annotated[TicketNumber | None, Query()] = None,
    item: Annotated[str | None, Query(max_length=_LABEL_MAX, description="Label of the piece.")] = None,
    out: Annotated[bool | None, Query(description="Only what is out, or only what is not.")] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[RentalAnswer]:
    """Equipment by card, ticket or piece."""
    rows = await queries.page(site, uid, ticket, item, out=out, after=after, limit=limit)
    return Page(items=[_answer(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


@router.post("/rentals/checkout", responses=documented(*DESK_PROBLEMS))
async def check_out_card(body: CheckOutBody, services: WithServices, caller: Reader) -> CheckOutAnswer:
    """Read a guest's card and put it together with the books; nothing is written to it."""
    found = await check_out(Desk(body.site, body.encoder, body.wait_ms, caller.name), services)
    return _check_out_answer(found)


def _answer(row: Rental) -> RentalAnswer:
    return RentalAnswer(
        id=row.id,
        site=row.site_id,
        uid=row.uid,
        ticket=row.ticket or None,
        kind=RentalKind(row.kind).name.lower(),
        item=row.item,
        taken=_iso(row.taken_ms),
        returned=_iso(row.returned_ms),
    )


def _check_out_answer(found: CheckOut) -> CheckOutAnswer:
    return CheckOutAnswer(
        uid=found.seen.card.uid,
        ticket=found.seen.card.ticket_id,
        ready=found.ready,
        pieces=[
            PieceAnswer(
                kind=piece.kind.name.lower(),
                item=piece.item,
                out=piece.out,
                taken=_iso(piece.taken_ms),
                returned=_iso(piece.returned_ms),
                told=piece.told,
            )
            for piece in found.pieces
        ],
        since=found.since,
        until=found.until,
        wallet=found.wallet,
        currency=found.currency,
        balance=found.balance,
        account=found.account,
        books=found.books,
        unreported_debits=found.unreported_debits,
        unreported=[
            UnreportedAnswer(kind=record.kind.name.lower(), at=record.at, device=record.device, value=record.value)
            for record in found.unreported
        ],
    )


def _iso(milliseconds: int | None) -> datetime | None:
    return iso(milliseconds) if milliseconds is not None else None
