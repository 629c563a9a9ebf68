# SPDX-License-Identifier: Apache-2.0
"""Agreement of a second person 双人复核: for one action, subject and amount, used once, within minutes."""

from uuid import UUID

from tortoise.transactions import in_transaction

from pistegate_cloud.audit.service import note
from pistegate_cloud.errors import Problem
from pistegate_cloud.staff import queries
from pistegate_cloud.staff.caller import Caller
from pistegate_cloud.staff.limits import Approver
from pistegate_cloud.staff.models import Approval
from pistegate_cloud.uuid7 import uuid7

VALID_MS = 10 * 60_000  # the second person stands at the window; ten minutes are a queue at the printer


async def give(approver: Caller, action: str, subject: str, amount: int, site: int, now_ms: int) -> Approval:
    """`approver` agrees; they may do so at `site`, which is looked at before."""
    assert approver.user is not None
    row = Approval(
        id=uuid7(now_ms),
        site_id=site,
        action=action,
        subject=subject,
        amount=amount,
        approver_id=approver.user,
        at_ms=now_ms,
        expires_ms=now_ms + VALID_MS,
    )
    async with in_transaction():
        await queries.add_approval(row)
        told = {"action": action, "amount": amount, "approval": str(row.id)}
        await note(approver, "approval.give", site, subject, after=told, now_ms=now_ms)
    return row


async def use(
    caller: Caller, action: str, amount: int, approval: UUID | None, *, site: int, subject: str, now_ms: int
) -> Approver:
    """Use an agreement up, in the caller's transaction; Problem approval_needed, approval_refused."""
    if approval is None:
        raise Problem("approval_needed", action=action, amount=amount, subject=subject)
    row = await queries.approval(approval)
    if row is None or (row.site_id, row.action, row.subject, row.amount) != (site, action, subject, amount):
        raise Problem("approval_refused")
    if row.approver_id == caller.user or not row.approver.active:
        raise Problem("approval_refused")
    if not await queries.use_approval(row.id, caller.key, now_ms):
        raise Problem("approval_refused")
    told = {"action": action, "amount": amount, "approval": str(row.id), "by": row.approver.name}
    await note(caller, "approval.use", site, subject, after=told, now_ms=now_ms)
    return Approver(row.approver_id, row.approver.name)
