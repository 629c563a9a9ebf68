# SPDX-License-Identifier: Apache-2.0
"""Each night a batch for each window and the next day; in the day another one where the one before was closed."""

import logging
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pistegate_cloud.clock import from_ms
from pistegate_cloud.contingency import making, queries
from pistegate_cloud.contingency.models import ContingencyWindow
from pistegate_cloud.errors import Problem
from pistegate_cloud.services import Services
from pistegate_cloud.sites import queries as sites
from pistegate_cloud.staff.caller import system

NIGHT_FROM: Final = 20  # o'clock at the site: tomorrow's prices are fixed, and a slow line has the night
DAY_UNTIL: Final = 22  # after that, nobody sells tickets for today
_log = logging.getLogger(__name__)
_told: dict[int, str] = {}


async def run(services: Services) -> int:
    """Make what is missing; how many were made. One window's trouble keeps no other waiting."""
    made = 0
    for window in await queries.windows(active=True):
        try:
            made += await _window(window, services)
            _told.pop(window.id, None)
        except Problem as problem:
            _tell(window, problem)
    return made


def _tell(window: ContingencyWindow, problem: Problem) -> None:
    """Once, until it is over or another; that another process was faster is none."""
    words = f"{problem.code} {problem.values}"
    if problem.code != "request_in_progress" and _told.get(window.id) != words:
        _told[window.id] = words
        _log.error("no contingency tickets for window %d of site %d: %s", window.window, window.site_id, words)


async def _window(window: ContingencyWindow, services: Services) -> int:
    zone = ZoneInfo((await sites.site(window.site_id)).zone)
    now = from_ms(services.clock.wall_ms()).astimezone(zone)
    wanted = [now.date()] if now.hour < DAY_UNTIL else []
    wanted += [now.date() + timedelta(days=1)] if now.hour >= NIGHT_FROM else []
    missing = [day for day in wanted if not await queries.has_batch(window.site_id, window.window, day)]
    for day in missing:
        key, now_ms = services.settings.issuer, services.clock.wall_ms()
        await making.make(window.site_id, window.window, day, key, system("contingency"), now_ms, first=True)
    return len(missing)
