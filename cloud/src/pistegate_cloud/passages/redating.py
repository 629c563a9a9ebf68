# SPDX-License-Identifier: Apache-2.0
"""Passages of a run whose time was wrong by a known amount: dated anew. What the gate sent stays as it came."""

from datetime import tzinfo

from pistegate_cloud.clock import from_ms, local_day
from pistegate_cloud.passages import queries
from pistegate_cloud.passages.models import Admission, Override


async def redate(site: int, gate: int, epoch: int, seqs: tuple[int, int], moved_ms: int, zone: tzinfo) -> int:
    """Move what is between two events of a ledger by `moved_ms`; how many passages."""
    admissions, overrides = await queries.between(site, gate, epoch, *seqs)
    for row in admissions:
        _move(row, moved_ms, zone)
        row.hour = from_ms(row.at_ms).astimezone(zone).hour
        if row.ended_ms is not None and abs(row.ended_ms + moved_ms - row.at_ms) < abs(row.ended_ms - row.at_ms):
            row.ended_ms += moved_ms  # one that ended after the correction was dated right
    for override in overrides:
        _move(override, moved_ms, zone)
    await queries.save_dates(admissions, overrides)
    return len(admissions)


def _move(row: Admission | Override, moved_ms: int, zone: tzinfo) -> None:
    night = local_day(row.at_ms, zone) - row.day  # a night's session is of the day before
    row.at_ms += moved_ms
    row.day = local_day(row.at_ms, zone) - night
