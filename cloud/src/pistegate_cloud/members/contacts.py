# SPDX-License-Identifier: Apache-2.0
"""Where a member can be reached."""

from typing import Final

from pistegate_cloud.errors import Problem
from pistegate_cloud.members import personal, queries
from pistegate_cloud.settings import Settings

MEMBER: Final = "member:"


async def address(to: str, settings: Settings, *, wechat: bool) -> str | None:
    """Of "member:ID": wechat:OPENID where that is offered and known, else the phone; None when nothing is known."""
    if settings.members is None:
        return None
    try:
        row = await queries.member(int(to.removeprefix(MEMBER)))
        open_id = personal.unseal(settings.members, row, "wechat") if wechat else None
        return f"wechat:{open_id}" if open_id else personal.unseal(settings.members, row, "phone")
    except Problem:
        return None
