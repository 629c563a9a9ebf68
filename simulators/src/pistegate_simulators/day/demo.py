# SPDX-License-Identifier: Apache-2.0
"""The demo: a day with a live view, then the cloud stays up for looking around."""

import asyncio
import time

from rich.console import Console

from pistegate_simulators.day.run import Day, Progress
from pistegate_simulators.day.settings import OPENS, SITE, ZONE, DaySettings
from pistegate_simulators.day.view import result_table, watching
from pistegate_simulators.day.world import World


async def run_demo(settings: DaySettings, console: Console, *, serve: bool) -> int:
    """Run the day, show its books, leave the cloud serving until Ctrl-C; exit status of the day."""
    started = time.monotonic()
    console.print("Starting a ski area: broker, cloud, gates, encoders ...")
    progress = Progress(settings.skiers)
    async with World(settings) as world:
        progress.tell(f"broker: {world.broker_name}")
        day = Day(world, progress)
        async with watching(progress, console, [day] if console.is_terminal else []):
            await day.run()
            reckoning = await day.reckon(started)
            progress.enter("done")
        console.print(result_table(reckoning))
        for sentence in reckoning.wrong:
            console.print(f"WRONG: {sentence}", style="red", highlight=False)
        if not reckoning.wrong:
            console.print("Every passage counted once: lost 0, duplicated 0, ledger imbalance 0.", style="green")
        if serve:
            await _serve(world, console)
    return 1 if reckoning.wrong else 0


async def _serve(world: World, console: Console) -> None:
    report = f"{world.base}/api/v1/reports/passages?site={SITE}&day={OPENS.astimezone(ZONE):%Y-%m-%d}"
    example = f"curl -H 'Authorization: Bearer {world.token}' '{report}'"
    console.print(f"\nThe cloud goes on serving.  OpenAPI: {world.base}/api/v1/openapi.json", highlight=False)
    console.print(f"Token: {world.token}", highlight=False, soft_wrap=True)
    console.print(f"Try:   {example}", highlight=False, soft_wrap=True)
    console.print("Ctrl-C ends it.")
    try:
        while True:
            world.cloud.check()
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        console.print("Stopping.")
        raise
