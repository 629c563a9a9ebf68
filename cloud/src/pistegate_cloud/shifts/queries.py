# SPDX-License-Identifier: Apache-2.0
"""All queries of windows and shifts."""

from pistegate_cloud.shifts.models import Shift


async def open_of(user: int) -> Shift | None:
    """The shift of a user that is not closed."""
    return await Shift.get_or_none(open_user=user)
