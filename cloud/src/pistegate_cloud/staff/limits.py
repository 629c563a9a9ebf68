# SPDX-License-Identifier: Apache-2.0
"""Whether a caller may do something alone, or with the agreement of a second person 双人复核."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pistegate_cloud.errors import Problem
from pistegate_cloud.staff.caller import Caller


@dataclass(frozen=True, slots=True)
class Approver:
    """The second person."""

    user: int
    name: str


async def needed(
    caller: Caller, action: str, amount: int, approval: UUID | None, *, site: int, subject: str, now_ms: int
) -> Approver | None:
    """None when `caller` may do it alone; else who agreed: their approval is used up, in the caller's transaction.

    `action`: rules.Action; `amount` in minor units; `subject`: what it is done to, such as "order:UUID".
    Problem approval_needed, or approval_refused when the approval is not for just this.
    """
    if not caller.limits.needs_second(action, amount):
        return None
    from pistegate_cloud.staff import approvals

    return await approvals.use(caller, action, amount, approval, site=site, subject=subject, now_ms=now_ms)


async def check_unused(tickets: Sequence[int]) -> None:
    """Problem ticket_used, when somebody passed with one of these or perhaps did: its sale is not voided 作废 any more.

    Whatever the limits are, and with any second person: it is refunded by its policy, which knows what was used.
    """
    from pistegate_cloud.staff import queries

    used = await queries.passed(tickets)
    if used:
        raise Problem("ticket_used", ticket=used[0])
