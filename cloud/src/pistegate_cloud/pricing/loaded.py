# SPDX-License-Identifier: Apache-2.0
"""Published price lists. One is never edited, so each process reads it once and keeps it by its id."""

from typing import Final
from uuid import UUID

from pistegate_cloud.pricing import queries
from pistegate_cloud.pricing.lists import Content
from pistegate_cloud.pricing.ready import NO_LIST, Loaded, loaded

_KEPT_MAX: Final = 32  # lists; a few per site of a group, some MB each at most
_kept: dict[UUID, Loaded] = {}


async def by_id(list_id: UUID | None) -> Loaded:
    """A list by its id; None: a site without one."""
    if list_id is None:
        return NO_LIST
    kept = _kept.get(list_id)
    if kept is None:
        row = await queries.one(list_id)
        kept = loaded(Content.model_validate(row.content), row.id, row.version)
        while len(_kept) >= _KEPT_MAX:
            _kept.pop(next(iter(_kept)))
        _kept[list_id] = kept
    return kept


async def at(site: int, now_ms: int) -> Loaded:
    """The list that holds at a site at that moment."""
    return await by_id(await queries.at(site, now_ms))
