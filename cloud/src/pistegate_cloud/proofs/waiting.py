# SPDX-License-Identifier: Apache-2.0
"""What waits for devices to tell everything: gaps in counters, equipment returned and never taken."""

from tortoise.transactions import in_transaction

from pistegate_cloud.proofs import queries
from pistegate_cloud.proofs.reckoning import Reckoner, complete_ms
from pistegate_cloud.proofs.service import Checker
from pistegate_cloud.rentals import queries as rentals
from pistegate_cloud.rentals.service import show_never_taken
from pistegate_cloud.sites import queries as sites


async def look(checker: Checker, now_ms: int) -> None:
    """Look again at everything that waits for no more than what the devices of its group have told by now."""
    for group in sorted(await queries.waiting_groups() | await rentals.doubted_groups()):
        complete = await complete_ms(group, now_ms)
        places = await sites.of_group(group)
        for uid in await queries.waiting(group, complete):
            async with in_transaction():
                counters = await queries.lock([uid], places[0], group)
                await Reckoner(group, complete, checker, now_ms).weigh(counters[uid])
                await queries.save_counters(list(counters.values()))
        async with in_transaction():
            await show_never_taken(places, complete, now_ms)
