# SPDX-License-Identifier: Apache-2.0
"""What a card at the desk tells of uses that a till could not confirm: its records name them, or would."""

from collections.abc import Sequence

from pistegate_cloud.clock import ms_of
from pistegate_cloud.proofs import queries as proofs
from pistegate_cloud.proofs.rules import SKEW_MS
from pistegate_cloud.wallets import queries, uses
from pistegate_cloud.wallets.models import CardUse
from pistegate_protocol.card_layout import RECORDS_VISIBLE
from pistegate_protocol.records import CardRecord


async def settle_by_records(
    uid: str, records: Sequence[CardRecord], site: int, group: int, now_ms: int
) -> list[CardUse]:
    """Settle a card's uses in doubt by its records, newest first, in the caller's transaction; those settled."""
    await proofs.lock([uid], site, group)
    names = {record.name.hex() for record in records}
    settled = []
    for use in await queries.doubtful(uid):
        charged = use.name[: queries.RECORD_NAME] in names
        if charged or _would_show(use, records, await _turn_began(uid)):
            await uses.settle(use, charged=charged, by="card", now_ms=now_ms)
            settled.append(use)
    return settled


def _would_show(use: CardUse, records: Sequence[CardRecord], began_ms: int) -> bool:
    """Whether the card's memory reaches back to before a use; a wipe makes it forget."""
    if use.at_ms <= began_ms + SKEW_MS:
        return False
    if len(records) < RECORDS_VISIBLE:
        return True
    return bool(ms_of(records[-1].at) + SKEW_MS < use.at_ms)


async def _turn_began(uid: str) -> int:
    turn = await queries.open_turn(uid)
    return turn.from_ms if turn else 0
