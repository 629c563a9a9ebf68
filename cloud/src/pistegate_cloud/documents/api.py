# SPDX-License-Identifier: Apache-2.0
"""HTTP API of documents: what each site's devices are told, and which of them have not heard yet."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from pistegate_cloud.audit.service import note_here
from pistegate_cloud.documents import catalogue, queries
from pistegate_cloud.documents.service import ORDER
from pistegate_cloud.gates import queries as gates
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Body, Page, SiteNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tokens.service import Scope

router = APIRouter(tags=["documents"])


class DocumentAnswer(BaseModel):
    """A document's newest version; `behind`: devices in use that have not told it yet."""

    site: int
    name: str
    version: int
    issued: datetime
    bytes: int
    behind: list[int]


class SiteBody(Body):
    """Which site."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"site": 1}})

    site: SiteNumber


@router.get(
    "/documents",
    dependencies=[Depends(require(Scope.SITES_READ))],
    responses=documented("unknown_reference"),
)
async def list_documents(site: Annotated[SiteNumber, Query()]) -> Page[DocumentAnswer]:
    """The newest documents of a site, in the order in which a returning device gets them."""
    await sites.site(site)
    told = {gate.number: gate.documents for gate in await gates.gates(site) if gate.retired_ms is None}
    items = []
    for name in ORDER:
        row = await queries.newest(site, name)
        if row is None:
            continue
        behind = [number for number, versions in told.items() if versions.get(name, 0) < row.version]
        size = len(bytes(row.body))
        answer = DocumentAnswer(
            site=site, name=name, version=row.version, issued=iso(row.created_ms), bytes=size, behind=behind
        )
        items.append(answer)
    return Page(items=items)


@router.post(
    "/documents/renew",
    dependencies=[Depends(require(Scope.SITES_WRITE))],
    responses=documented("unknown_reference", "document_full"),
)
async def renew(body: SiteBody, services: WithServices) -> Page[DocumentAnswer]:
    """Sign every document of the site anew and send it: after a change of the documents' key, say."""
    await sites.site(body.site)
    await catalogue.publish_everything([body.site], services)
    await note_here("documents.renew", body.site, f"site:{body.site}", now_ms=services.clock.wall_ms())
    return await list_documents(body.site)
