# SPDX-License-Identifier: Apache-2.0
"""From a scanner's line to the lane-open command for a static code, with and without the site's hub, in turn.

Two whole gates of the product would share their pins; so one after the other runs in blocks of a few codes each, and
the blocks take turns. The hub is a process of its own, its broker a real Mosquitto, both on this machine: what a site's
network adds (a switch: well under a millisecond) comes on top.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any
from unittest import mock

from figures import Figure, progress
from gate_bench import ISSUER, claim, wait_for
from gate_rig import Rig, running_rig
from hub_process import HubProcess, hub_section
from servers import Mosquitto

from pistegate_edge.parts.reserving import HubPart
from pistegate_edge.reserving.told import HubTold, Reserved
from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.signing import sign_claim
from pistegate_simulators.scanner.scanner import SimulatedScanner

BLOCKS = 4
SAMPLES = 75  # codes of a block
WARM_UP = 10  # codes of a block that are not counted
PAUSE_S = 0.1  # between codes: the gate is asleep when one comes, as it mostly is
LIMIT_MS = 150.0


class Stopwatch:
    """Seconds from each question to the hub's grant."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._asked = 0.0
        self._reserve, self._tell = HubPart._reserve, HubPart._tell

    def patched(self) -> AbstractContextManager[Any]:
        """While it measures."""
        return mock.patch.multiple(HubPart, _reserve=self._asking(), _tell=self._telling())

    def _asking(self) -> Callable[..., None]:
        def asking(part: HubPart, *arguments: Any) -> None:
            self._asked = perf_counter()
            self._reserve(part, *arguments)

        return asking

    def _telling(self) -> Callable[..., None]:
        def telling(part: HubPart, told: list[HubTold]) -> None:
            self.waits += [perf_counter() - self._asked for each in told if isinstance(each, Reserved)]
            self._tell(part, told)

        return telling


def measure() -> list[Figure]:
    """Blocks without and with the hub."""
    alone: list[float] = []
    shared: list[float] = []
    granted = 0
    watch = Stopwatch()
    with Mosquitto() as broker, TemporaryDirectory(prefix="bench-hub-") as name:
        hub = HubProcess(Path(name) / "hub", broker)
        hub.start()
        try:
            for block in range(BLOCKS):
                alone += _block(Path(name), block * 2, None)[0]
                with watch.patched():
                    took, reserved = _block(Path(name), block * 2 + 1, broker)
                shared += took
                granted += reserved
        finally:
            hub.kill()
    return _figures(alone, shared, granted, watch.waits)


def _block(directory: Path, block: int, broker: Mosquitto | None) -> tuple[list[float], int]:
    """Seconds of each code, and how many of them waited for the hub's grant."""
    link = directory / f"scanner-{block}"
    sections = {} if broker is None else {"hub": hub_section(broker)}
    with SimulatedScanner(link=link) as scanner, running_rig(scanner={"path": str(link)}, **sections) as rig:
        if broker is not None:
            wait_for(lambda: _part(rig).serves, 30)
        took = [_one(rig, scanner, block, number) for number in range(WARM_UP + SAMPLES)]
        return took[WARM_UP:], 0 if broker is None else _part(rig).granted


def _part(rig: Rig) -> HubPart:
    return next(part for part in rig.gate._parts if isinstance(part, HubPart))


def _one(rig: Rig, scanner: SimulatedScanner, block: int, number: int) -> float:
    text = ticket_text(sign_claim(claim(ticket=1_000_000 + block * 1000 + number), BEARER, ISSUER))
    sleep(PAUSE_S)
    began = perf_counter()
    took = rig.until_open(lambda: scanner.show(text) or None) - began
    progress(block * (WARM_UP + SAMPLES) + number + 1, 2 * BLOCKS * (WARM_UP + SAMPLES))
    return took


def _figures(alone: list[float], shared: list[float], granted: int, waits: list[float]) -> list[Figure]:
    last = quantiles(alone, n=100)[-1], quantiles(shared, n=100)[-1]
    how = f"{len(shared)} codes, {granted} granted in time with warm-up; hub, broker and gate on one machine"
    return [
        Figure("hub: 99 of 100 codes, with less without", (last[1] - last[0]) * 1000, "ms", LIMIT_MS, "at most", how),
        Figure("hub: static code to lane open, without", median(alone) * 1000, "ms"),
        Figure("hub: static code to lane open, with", median(shared) * 1000, "ms"),
        Figure("hub: 99 of 100 codes, without", last[0] * 1000, "ms"),
        Figure("hub: 99 of 100 codes, with", last[1] * 1000, "ms"),
        Figure("hub: asked to granted", median(waits) * 1000, "ms", note="one durable commit of the hub, both ways"),
        Figure("hub: asked to granted, 99 of 100", quantiles(waits, n=100)[-1] * 1000, "ms"),
    ]
