# SPDX-License-Identifier: Apache-2.0
"""Shifts 班次: opened with a float, handed over, counted blind, closed."""

from pistegate_cloud.errors import Problem
from pistegate_cloud.shifts import queries
from pistegate_cloud.shifts.models import Shift
from pistegate_cloud.staff.caller import Caller


async def of(caller: Caller, site: int) -> Shift | None:
    """The open shift of `caller` at `site`; None for machines and this process, which have none.

    Problem shift_needed: a person without one takes and gives no cash.
    """
    if caller.user is None:
        return None
    shift = await queries.open_of(caller.user)
    if shift is None or shift.site_id != site or shift.state != "open":
        raise Problem("shift_needed", site=site)
    return shift
