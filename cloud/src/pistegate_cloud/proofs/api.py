# SPDX-License-Identifier: Apache-2.0
"""HTTP API of proofs: what a card's transactions were, and which ones nobody has told yet."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from pistegate_cloud.gates import queries as gates
from pistegate_cloud.problems import documented
from pistegate_cloud.proofs import queries
from pistegate_cloud.schemas import After, Limit, Page, SiteFilter, iso
from pistegate_cloud.services import require
from pistegate_cloud.tokens.service import Scope
from pistegate_cloud.wallets.schemas import Uid

router = APIRouter(tags=["proofs"])
_READ = [Depends(require(Scope.PASSAGES_READ))]


class ProofAnswer(BaseModel):
    """One transaction of a card: `counter` as the card counts, `state` "verified", "false" or "unknown"."""

    id: int
    site: int
    gate: int
    kind: str
    epoch: int
    seq: int
    counter: int
    value: str
    state: str
    at: datetime


class WaitingDevice(BaseModel):
    """A device that has not told everything yet."""

    site: int
    number: int
    told: datetime | None


class GapAnswer(BaseModel):
    """A card with something missing: accounted for up to `known`, used up to `top`; `waits_for`: who may know."""

    uid: str
    known: int
    top: int
    since: datetime
    waits_for: list[WaitingDevice]


@router.get("/proofs", dependencies=_READ, responses=documented())
async def list_proofs(
    uid: Annotated[Uid, Query(description="UID of the card in hex.")], after: After = 0, limit: Limit = 100
) -> Page[ProofAnswer]:
    """Proofs of a card in the order in which they came in."""
    rows = await queries.page(uid, after, limit)
    items = [
        ProofAnswer(
            id=row.id,
            site=row.site_id,
            gate=row.gate,
            kind=row.kind,
            epoch=row.epoch,
            seq=row.seq,
            counter=row.counter,
            value=row.value,
            state=row.state,
            at=iso(row.at_ms),
        )
        for row in rows
    ]
    return Page(items=items, next=rows[-1].id if len(rows) == limit else None)


@router.get("/proofs/gaps", dependencies=_READ, responses=documented())
async def list_gaps(site: SiteFilter = None, limit: Limit = 100) -> Page[GapAnswer]:
    """Cards with transactions that nobody has told yet, and the devices that are waited for before that is alarming."""
    rows = await queries.gaps(site, limit)
    untold = {group: await gates.untold(group) for group in {row.group_number for row in rows}}
    items = []
    for row in rows:
        since = row.waiting_ms or 0
        waits_for = [
            WaitingDevice(site=place, number=number, told=iso(told) if told else None)
            for (place, number), told in sorted(untold[row.group_number].items())
            if told <= since
        ]
        items.append(GapAnswer(uid=row.uid, known=row.known, top=row.top, since=iso(since), waits_for=waits_for))
    return Page(items=items)
