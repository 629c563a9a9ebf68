# SPDX-License-Identifier: Apache-2.0
"""Noting who did what, in the transaction that does it."""

from typing import Any

from pistegate_cloud.audit import queries
from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.staff.caller import Caller


async def note(
    caller: Caller,
    action: str,
    site: int | None,
    subject: str,
    before: Any = None,
    after: Any = None,
    *,
    now_ms: int,
) -> None:
    """`caller` did `action` ("order.sell") to `subject` ("order:UUID"), in the caller's own transaction.

    `before`, `after`: what changed, fit for JSON; never a secret, a document's number, a phone or a guest's name.
    """
    entry = AuditEntry(
        at_ms=now_ms,
        site_id=site,
        caller=caller.key[:80],
        actor=caller.name[:80],
        action=action,
        subject=subject[:120],
        before=before,
        after=after,
    )
    await queries.add(entry)
