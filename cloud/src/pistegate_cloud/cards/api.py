# SPDX-License-Identifier: Apache-2.0
"""HTTP API of cards in the books: stock, stories, losses."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from pistegate_cloud.cards import losing, queries, service
from pistegate_cloud.cards.schemas import (
    CardAnswer,
    CardStory,
    LostBody,
    Status,
    StockAnswer,
    StockBody,
    UidPath,
    VoidBody,
    card_answer,
    card_story,
)
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import After, Limit, Page, SiteFilter
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["cards"])
_Writer = Annotated[Caller, Depends(require(Scope.CARDS_WRITE))]


@router.post("/cards", status_code=201, responses=documented("unknown_reference"))
async def import_cards(body: StockBody, services: WithServices, caller: _Writer) -> StockAnswer:
    """Take cards into stock that a vendor has personalised with our keys; those that are known are left as they are."""
    done = await service.import_stock(body.site, body.uids, caller.name, services.clock.wall_ms())
    return StockAnswer(added=done.added, known=done.known)


@router.get("/cards", dependencies=[Depends(require(Scope.CARDS_READ))], responses=documented())
async def list_cards(
    site: SiteFilter = None,
    status: Status | None = None,
    key_set: Annotated[int | None, Query(ge=0, le=1, description="Last seen to be active.")] = None,
    after: After = 0,
    limit: Limit = 100,
) -> Page[CardAnswer]:
    """Cards in the order in which they came in."""
    rows = await queries.page(site, status, key_set, after, limit)
    return Page(items=[card_answer(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


@router.get("/cards/{uid}", dependencies=[Depends(require(Scope.CARDS_READ))], responses=documented("not_found"))
async def read_card(uid: UidPath) -> CardStory:
    """One card and everything that was done to it."""
    card = await queries.card(uid)
    return card_story(card, await queries.changes_of(card.id))


@router.post("/cards/{uid}/void", responses=documented("not_found", "state_conflict", "document_full"))
async def void_card(uid: UidPath, body: VoidBody, services: WithServices, caller: _Writer) -> CardAnswer:
    """Take a card out of use for good; every device of the group refuses it from then on."""
    return card_answer(await losing.void(uid, body.reason, caller.name, services))


@router.post("/cards/{uid}/lost", responses=documented("not_found", "state_conflict", "card_in_stock", "document_full"))
async def report_lost(uid: UidPath, body: LostBody, services: WithServices, caller: _Writer) -> CardAnswer:
    """Report a card lost: it and its ticket are refused everywhere in the group; reporting it again changes nothing."""
    return card_answer(await losing.lose(uid, body.reason, body.found_by, caller.name, services))


@router.post("/cards/{uid}/found", responses=documented("not_found", "state_conflict", "document_full"))
async def report_found(uid: UidPath, services: WithServices, caller: _Writer) -> CardAnswer:
    """A lost card was found before it was replaced: it and its ticket hold again."""
    return card_answer(await losing.find(uid, caller.name, services))
