# SPDX-License-Identifier: Apache-2.0
"""HTTP API of the tables that gates fetch: what leads on from a version, and the file itself in pieces."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel, Field

from pistegate_cloud.authority.asking import is_signed
from pistegate_cloud.bindings import table_queries, tables
from pistegate_cloud.errors import Problem
from pistegate_cloud.problems import documented
from pistegate_cloud.schemas import Page, SiteNumber, iso
from pistegate_cloud.services import WithServices, require
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.tokens.service import Scope
from pistegate_protocol.enrolment import read_authorization

router = APIRouter(tags=["tables"])
PIECE_MAX: Final = 1 << 20  # bytes of one answer: a device goes on from where it is
_RANGE: Final = re.compile(r"bytes=(\d{1,12})-(\d{0,12})")
TableName = Annotated[Literal["bindings", "denials"], Path()]
Site = Annotated[SiteNumber, Query()]
Version = Annotated[int, Field(ge=0, lt=2**31)]


class TableAnswer(BaseModel):
    """Where a table of a site stands; deltas lead on from `oldest` or later."""

    site: int
    name: str
    version: int
    oldest: int
    keys: int
    entries: int
    issued: datetime


class NextAnswer(BaseModel):
    """The file to fetch: `since` 0 is a whole, `bytes` its length. All null: there is nothing newer."""

    since: int | None = None
    version: int | None = None
    bytes: int | None = None


async def own_site(request: Request, site: Site) -> None:
    """A device is given the tables of its site and no other; `require` has seen its signature."""
    if is_signed(request) and read_authorization(request.headers["authorization"]).device.site != site:
        raise Problem("device_refused")


LET_IN: Final = [Depends(require(Scope.TABLES_READ)), Depends(own_site)]


@router.get("/tables", dependencies=LET_IN, responses=documented("unknown_reference"))
async def list_tables(site: Site) -> Page[TableAnswer]:
    """The tables of a site."""
    await sites.site(site)
    items = [
        TableAnswer(
            site=site,
            name=row.name,
            version=row.version,
            oldest=row.oldest,
            keys=row.keys,
            entries=await table_queries.total(site, row.name),
            issued=iso(row.issued_ms),
        )
        for row in await table_queries.states(site)
    ]
    return Page(items=items)


@router.get("/tables/{name}/next", dependencies=LET_IN, responses=documented())
async def next_file(
    name: TableName,
    site: Site,
    services: WithServices,
    have: Annotated[Version, Query(description="The version there; 0: none.")] = 0,
    keys: Annotated[Version, Query(description="Number of the handle keys of what is there.")] = 0,
) -> NextAnswer:
    """What leads on from the version that a device has: a delta, or a whole after 35 days or under new keys."""
    key, now_ms = services.settings.documents, services.clock.wall_ms()
    found = await tables.offer(site, name, have, keys, key, now_ms)
    return NextAnswer() if found is None else NextAnswer(since=found.since, version=found.version, bytes=found.size)


_PIECE: Final[dict[int | str, dict[str, Any]]] = {
    206: {"description": "A piece of the file.", "content": {"application/octet-stream": {}}},
    416: {"description": "The file ends before it."},
}


@router.get(
    "/tables/{name}/file",
    status_code=206,
    dependencies=LET_IN,
    responses=documented("table_not_there") | _PIECE,
    response_class=Response,
)
async def file(
    name: TableName,
    site: Site,
    since: Annotated[Version, Query()],
    version: Annotated[Version, Query()],
    services: WithServices,
    range_: Annotated[str, Header(alias="range", max_length=60)] = "bytes=0-",
) -> Response:
    """A file that was offered, from `Range: bytes=N-` on, 1 MiB at most; 404 when another is offered by now."""
    found = _RANGE.fullmatch(range_)
    if found is None:
        raise Problem("invalid_request", where="Range", message="bytes=FIRST- or bytes=FIRST-LAST is expected")
    start = int(found[1])
    count = min(PIECE_MAX, max(0, int(found[2]) - start + 1)) if found[2] else PIECE_MAX
    data = await tables.piece(site, name, since, version, start, count, services.settings.documents)
    headers = {"Content-Range": f"bytes {start}-{start + len(data) - 1}/*", "Accept-Ranges": "bytes"}
    if not data:
        return Response(status_code=416, headers={"Content-Range": "bytes */*"})
    return Response(data, 206, headers, "application/octet-stream")
