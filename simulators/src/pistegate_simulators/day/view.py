# SPDX-License-Identifier: Apache-2.0
"""Watching a day: a progress bar on stderr, or for the demo a live picture of every lane."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from pistegate_simulators.day.plan import EXPECTED
from pistegate_simulators.day.reckoning import Reckoning
from pistegate_simulators.day.run import Day, Progress
from pistegate_simulators.day.settings import ZONE

_REFRESH_S = 0.2
_NEWS_SHOWN = 5


@contextlib.asynccontextmanager
async def watching(progress: Progress, console: Console, day: list[Day]) -> AsyncIterator[None]:
    """Show progress while the block runs; with a `Day` in the list also its lanes."""
    bar = Bar(
        TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    task = bar.add_task(progress.stage, total=progress.total)
    told = 0
    with Live(bar, console=console, refresh_per_second=8, transient=False) as live:

        def refresh() -> None:
            nonlocal told
            bar.update(task, completed=progress.done, description=progress.stage)
            if day:
                live.update(Group(_lanes(day[0]), _news(progress), bar))
            else:
                for sentence in progress.news[told:]:
                    live.console.print(f"  {sentence}", highlight=False)
            told = len(progress.news)

        ticker = asyncio.create_task(_tick(refresh))
        try:
            yield
        finally:
            ticker.cancel()
            refresh()


async def _tick(refresh: object) -> None:
    while True:
        refresh()  # type: ignore[operator]
        await asyncio.sleep(_REFRESH_S)


def _lanes(day: Day) -> Table:
    world = day.world
    wall = world.time.now().astimezone(ZONE)
    title = f"Snow Valley 雪谷  {wall:%Y-%m-%d %H:%M}   network {'CUT' if world.wire.is_cut else 'up'}"
    table = Table(title=title, title_justify="left", expand=False)
    for heading in ("lane 通道", "area 区域", "lamp 灯", "arm 闸臂", "waiting 排队", "rides 过闸", "refused 拒绝"):
        table.add_column(heading, justify="right" if heading[0] in "wr" else "left")
    for station, area in zip(world.stations, day.settings.gate_areas, strict=True):
        at = [tale for tale in day.slopes.tales if tale.skier.gate == station.number - 1]
        table.add_row(
            str(station.number),
            "main" if area == 0 else "beginners",
            _lamp(station.lane.green, station.lane.red, station.lane.connected),
            station.lane.tripod.arm.value,
            str(len(getattr(station.queue, "_waiters", None) or ())),
            str(station.lane.tripod.turned),
            str(sum(tale.red for tale in at)),
        )
    return table


def _lamp(green: bool, red: bool, powered: bool) -> Text:
    if not powered:
        return Text("no power", style="bold red reverse")
    if green:
        return Text("● pass", style="bold green")
    return Text("● stop", style="bold red") if red else Text("○ ready", style="dim")


def _news(progress: Progress) -> Panel:
    return Panel("\n".join(progress.news[-_NEWS_SHOWN:]) or "...", title="news", title_align="left")


def result_table(reckoning: Reckoning) -> Table:
    """The day's books side by side."""
    table = Table(title="What the arms turned, what the gates wrote down, what the cloud counts", title_justify="left")
    for heading in ("gate", "arms turned", "passed (gate)", "passed (cloud)", "unknown", "lost", "duplicated"):
        table.add_column(heading, justify="right")
    for at in reckoning.counts:
        row = (at.number, at.turned, at.passed_at_gate, at.passed_in_cloud, at.unknown, at.lost, at.duplicated)
        table.add_row(*map(str, row))
    refused, expected = reckoning.cloud["refused"], reckoning.expected_refusals
    for reason in sorted({*refused, *expected, *(str(r) for r in EXPECTED.values() if r)}):
        table.caption = f"{table.caption or 'refused:'} {reason} {refused.get(reason, 0)}/{expected.get(reason, 0)} "
    return table
