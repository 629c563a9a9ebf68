# SPDX-License-Identifier: Apache-2.0
"""Noting who did what, in the transaction that does it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pistegate_cloud.audit import queries
from pistegate_cloud.audit.models import AuditEntry
from pistegate_cloud.staff.caller import CALLING, Caller, system

Told = Mapping[str, Any] | Sequence[Any] | None
"""What changed, fit for JSON; no bare string, which tortoise would take for JSON that is written out already."""


async def note(
    caller: Caller,
    action: str,
    site: int | None,
    subject: str,
    before: Told = None,
    after: Told = None,
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


async def note_here(action: str, site: int | None, subject: str, after: Told = None, *, now_ms: int) -> None:
    """As `note`, by the caller of the request that is being answered; outside of one, by this process itself."""
    await note(CALLING.get() or system("cloud"), action, site, subject, after=after, now_ms=now_ms)
