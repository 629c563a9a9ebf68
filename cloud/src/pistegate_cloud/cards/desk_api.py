# SPDX-License-Identifier: Apache-2.0
"""HTTP API of cards on an encoder: personalise, read, take back and wipe, replace; and the search for a lost one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from pistegate_cloud.cards import finding, personalising, reading, replacing, returning, rolling
from pistegate_cloud.cards.desk import DESK_PROBLEMS, USABLE_PROBLEMS, Desk
from pistegate_cloud.cards.desk_schemas import ReplacedAnswer, SeenAnswer, replaced_answer, seen_answer
from pistegate_cloud.cards.schemas import CardAnswer, DeskBody, TakeBackBody, UidPath, card_answer
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Page, Phone, Reason, Reference, SiteFilter, TicketNumber
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tickets.api import ISSUE_PROBLEMS
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["cards"])
_Writer = Annotated[Caller, Depends(require(Scope.CARDS_WRITE))]
_Reader = Annotated[Caller, Depends(require(Scope.CARDS_READ))]
_Maker = Annotated[Caller, Depends(require(Scope.CARDS_PERSONALISE))]

_PERSONALISE_PROBLEMS = (*DESK_PROBLEMS, "card_unsuitable", "card_not_personalised", "encoder_not_trusted")

_REPLACE_PROBLEMS = ("card_in_use", "card_not_from_stock", "card_has_wallet", "wallet_has_card")


def _desk(body: DeskBody, caller: Caller) -> Desk:
    return Desk(body.site, body.encoder, body.wait_ms, caller.name)


@router.post("/cards/personalise", responses=documented(*_PERSONALISE_PROBLEMS))
async def personalise(body: DeskBody, services: WithServices, caller: _Maker) -> CardAnswer:
    """Put our keys and files on the card at the encoder, or verify that they are there. Repeat it after any failure."""
    return card_answer(await personalising.personalise_card(_desk(body, caller), services))


@router.post("/cards/read", responses=documented(*DESK_PROBLEMS))
async def read(body: DeskBody, services: WithServices, caller: _Reader) -> SeenAnswer:
    """What the card at the encoder holds, also what devices have not reported yet; nothing changes."""
    return seen_answer(await reading.look(_desk(body, caller), services))


@router.post(
    "/cards/take-back",
    responses=documented(*DESK_PROBLEMS, *USABLE_PROBLEMS, "card_in_stock", "card_rental_out"),
)
async def take_back(body: TakeBackBody, services: WithServices, caller: _Writer) -> SeenAnswer:
    """Take the card back and wipe it: it is stock again, its money in the guest's account. Repeat it on failure."""
    seen = await returning.take_back(
        _desk(body, caller), services, wipe=body.wipe, accept_outstanding=body.accept_outstanding
    )
    return seen_answer(seen)


@router.post("/cards/roll", responses=documented(*DESK_PROBLEMS))
async def roll(body: DeskBody, services: WithServices, caller: _Maker) -> CardAnswer:
    """After a theft: switch the card to its second key set. Gates that do not have that set refuse it from then on."""
    return card_answer(await rolling.roll(_desk(body, caller), services))


@router.post("/cards/{uid}/replace", responses=documented(*ISSUE_PROBLEMS, *_REPLACE_PROBLEMS))
async def replace(uid: UidPath, body: DeskBody, services: WithServices, caller: _Writer) -> ReplacedAnswer:
    """Put the ticket of a lost card, and its wallet, on the card at the encoder; the lost one is out of use."""
    return replaced_answer(await replacing.replace(uid, _desk(body, caller), services))


@router.get(
    "/card-search",
    dependencies=[Depends(require(Scope.CARDS_READ))],
    responses=documented("one_search_term"),
)
async def search(
    payment: Annotated[Reference | None, Query(description="What the receipt says.")] = None,
    phone: Annotated[Phone | None, Query(description="As given at the sale.")] = None,
    order: UUID | None = None,
    ticket: TicketNumber | None = None,
    rental: Annotated[Reason | None, Query(description="Label of a piece of equipment.")] = None,
    site: SiteFilter = None,
) -> Page[CardAnswer]:
    """Cards of a guest who has lost one, by exactly one of what the guest still knows."""
    terms = finding.Terms(payment=payment, phone=phone, order=order, ticket=ticket, rental=rental)
    found = [card for card in await finding.find(terms) if site is None or card.site_id == site]
    return Page(items=[card_answer(card) for card in found])
