# SPDX-License-Identifier: Apache-2.0
"""All queries of tokens."""

from pistegate_cloud import plain_sql
from pistegate_cloud.tokens.models import ApiToken


async def by_prefix(prefix: str) -> ApiToken | None:
    """The token with this prefix."""
    return next(iter(await plain_sql.rows(ApiToken, "WHERE prefix = {}", prefix)), None)


async def touch(token: ApiToken, now_ms: int) -> None:
    """Note that the token was used."""
    await ApiToken.filter(id=token.id).update(last_used_ms=now_ms)


async def add(token: ApiToken) -> None:
    """Store a new token."""
    await token.save()
