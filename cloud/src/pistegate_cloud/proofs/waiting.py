# SPDX-License-Identifier: Apache-2.0
"""What waits for devices to tell everything: gaps in counters, equipment returned and never taken."""

from collections.abc import Iterable

from tortoise.transactions import in_transaction

from pistegate_cloud.proofs import queries
from pistegate_cloud.proofs.reckoning import Reckoner, complete_ms
from pistegate_cloud.proofs.service import Checker
from pistegate_cloud.rentals import queries as rentals
from pistegate_cloud.rentals.service import show_never_taken
from pistegate_cloud.sites import queries as sites


async def weigh(uids: Iterable[str], site: int, group: int, checker: Checker, now_ms: int) -> None:
    """Weigh cards after a backlog, each in its own transaction."""
    complete = await complete_ms(group, now_ms)
    for uid in sorted(uids):
        await _weigh(uid, site, Reckoner(group, complete, checker, now_ms))


async def _weigh(uid: str, site: int, reckoner: Reckoner) -> None:
    async with in_transaction():
        counters = await queries.lock([uid], site, reckoner.group)
        await reckoner.weigh(counters[uid])
        await queries.save_counters(list(counters.values()))


async def look(checker: Checker, now_ms: int) -> None:
    """Look again at everything that waits for no more than what the devices of its group have told by now."""
    for group in sorted(await queries.waiting_groups() | await rentals.doubted_groups()):
        complete = await complete_ms(group, now_ms)
        places = await sites.of_group(group)
        for uid in await queries.waiting(group, complete):
            await _weigh(uid, places[0], Reckoner(group, complete, checker, now_ms))
        async with in_transaction():
            await show_never_taken(places, complete, now_ms)
