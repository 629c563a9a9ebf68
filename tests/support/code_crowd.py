# SPDX-License-Identifier: Apache-2.0
"""A gate process before which people hold codes up as fast as it decides: most in vain, some walk through.

Each code is of another ticket, so each presentation is an event: a refusal, or an admission and its outcome.
"""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any, Self

from far_cloud import Place
from gate_bench import ISSUER, claim
from ridden_gate import OPEN_MS, TURN_MS, RiddenGate

from pistegate_protocol.codes import BEARER, ticket_text
from pistegate_protocol.signing import sign_claim
from pistegate_simulators.scanner.scanner import SimulatedScanner

FIRST_TICKET = 10_000_000  # none that the deny list of a benchmark has
ADMITTED_EVERY = 5  # presentations
DECIDED_S = 5.0
_LONG_AGO = date(2020, 1, 2)


class CodeCrowd(RiddenGate):
    """`shown`: codes held to the scanner; `decided`: of how many the gate said what it decided."""

    def __init__(self, place: Place, directory: Path, broker: dict[str, object], seed: int, **sections: Any) -> None:
        link = directory / "scanner"
        self._scanner = SimulatedScanner(link=link)
        super().__init__(
            place, directory, broker, seed, scanner={"path": str(link), "profile": "lines-9600"}, **sections
        )
        self.shown = self.decided = 0
        self._read = 0

    def __exit__(self, *words: object) -> None:
        super().__exit__(*words)
        self._scanner.close()

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    async def _ride_all_day(self) -> None:
        while self._riding:
            await self._show()

    async def _show(self) -> None:
        lane = self._lane
        if not lane.connected:
            await asyncio.sleep(0.05)
            return
        goes = self.shown % ADMITTED_EVERY == 0
        ticket = FIRST_TICKET + self.shown
        what = claim(ticket=ticket) if goes else claim(ticket=ticket, valid_until=_LONG_AGO)
        self._told()  # what was said before is about others
        self._scanner.show(ticket_text(sign_claim(what, BEARER, ISSUER)))
        self.shown += 1
        if not await self._answered():
            return
        self.decided += 1
        before = lane.tripod.turned
        if goes and await lane.seen(lambda at: at.free, 1.0):
            await lane.push(TURN_MS)
            self.turned[ticket] += lane.tripod.turned - before
            await lane.seen(lambda at: not at.free and not at.green, OPEN_MS / 1000)

    async def _answered(self) -> bool:
        for _ in range(int(DECIDED_S / 0.002)):
            said = self._told()
            if ": admitted " in said or ": refused " in said:
                return True
            if not self._lane.connected:
                return False
            await asyncio.sleep(0.002)
        return False

    def _told(self) -> str:
        """What the log says since the last look."""
        with self.program.log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        self._read += len(new)
        return new.decode("utf-8", "replace")
