# SPDX-License-Identifier: Apache-2.0
"""A gate process on a simulated reader and turnstile, and a crowd that rides all the time: kill it when you like.

The arms are pushed by the crowd and counted at the turnstile, ticket by ticket; no process under test knows of it.
"""

import asyncio
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from far_cloud import DOCUMENTS_KEY, FarCloud, Place, Program
from gate_bench import claim, gate_tree, public, ski_card, toml_of, wait_for

from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.turnstile.pins import SOCKET_VARIABLE
from pistegate_simulators.turnstile.wired import WiredTripod, Wiring

GATE = 3
CARDS = 12
OPEN_MS = 800  # that an arm stays free, at the turnstile and by the gate's settings alike
TURN_MS = 150
NEXT_S = 0.3  # seconds from one guest's card to the next one's; sooner, they would be of one pocket (presentation.py)
LAMP_S = 3.0  # a guest looks at the lamps so long
TURNS_BACK = 0.1  # chance that somebody who may go does not
START_S = 60.0  # on a loaded machine
DRAIN_S = 120.0
IN_SERVICE = ": in service"
_RUN = "\nimport sys\nfrom pistegate_edge.cli import main\nsys.exit(main())\n"
_NICE = ("nice", "-n", "5")  # readers and turnstiles answer within milliseconds, as hardware does


class RiddenGate:
    """A gate of site 1 at `place`; the crowd comes from `__enter__` until `stop_riding`. Cards are tickets 1..CARDS.

    `riding`: whether there is a crowd at all. `sections` of gate.toml. `plant`: a bug, as a program that runs before.
    """

    def __init__(
        self,
        place: Place,
        directory: Path,
        broker: dict[str, object],
        seed: int,
        *,
        riding: bool = True,
        number: int = GATE,
        plant: str = "",
        **sections: Any,
    ) -> None:
        self.number = number
        self.storage = directory / "gate"
        self.storage.mkdir(exist_ok=True)
        self.turned: Counter[int] = Counter()
        """By ticket, how often the arm turned."""
        self.kills = 0
        self.ready_s = 0.0
        """Seconds from the last start of the process until it said that it serves."""
        self._rng = Random(seed)
        self._riding = riding
        self._loop: asyncio.AbstractEventLoop
        self._wires = directory / "wires"
        self._lane = WiredTripod(self._wires, Wiring(), OPEN_MS)
        self._reader = SimulatedReader(directory / "reader")
        self._cards = {number: ski_card(number, claim(ticket=number)) for number in range(1, CARDS + 1)}
        published = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(DOCUMENTS_KEY))
        sections.setdefault("document_keys", {"1": public(published).hex()})
        tree = gate_tree(self.storage, str(directory / "reader"), broker=broker, **sections)
        tree["device"] |= {"number": number}
        tree["place"] |= {"post_gates": [number]}
        tree["lane"] |= {"timeout_ms": OPEN_MS, "pulse_ms": 120}
        config = directory / "gate.toml"
        config.write_text(toml_of(tree))
        env = {"GPIOZERO_PIN_FACTORY": "pistegate-sim", SOCKET_VARIABLE: str(self._wires)}
        program = ("-c", plant + _RUN) if plant else ("-m", "pistegate_edge")
        command = (*_NICE, sys.executable, *program, "run", "--config", str(config))
        self.program = Program(place, directory / "gate.log", *command, env=env)
        self._thread = threading.Thread(target=self._live, name="crowd", daemon=True)

    def __enter__(self) -> Self:
        self._switch_s = sys.getswitchinterval()
        sys.setswitchinterval(0.0005)  # the reader's thread answers within 100 ms beside a busy crowd
        self._thread.start()
        wait_for(self._wires.exists)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_riding()
        self.program.__exit__()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._reader.close()
        sys.setswitchinterval(self._switch_s)

    # What the test does

    def start(self) -> None:
        """Start the process; in service when this returns."""
        before = self.program.said(IN_SERVICE)
        began = time.monotonic()
        self.program.start()
        wait_for(lambda: self.program.said(IN_SERVICE) > before, START_S)
        self.ready_s = time.monotonic() - began

    def kill(self) -> None:
        """SIGKILL, whatever it does."""
        self.program.kill()
        self.kills += 1

    def ridden(self, more: int, timeout_s: float = 60.0) -> None:
        """Until the arm has turned so many times more."""
        goal = self.turned.total() + more

        def there() -> bool:
            if self._crowd is not None and self._crowd.done():
                self._crowd.result()  # what stopped it
            return self.turned.total() >= goal

        wait_for(there, timeout_s)

    def stop_riding(self) -> None:
        """The crowd goes home; the last one finishes."""
        self._riding = False
        if self._crowd is not None:
            wait_for(self._crowd.done, 30)

    def drained(self, cloud: FarCloud, timeout_s: float = DRAIN_S) -> None:
        """Until the gate has every acknowledgement, and the cloud has applied everything."""
        wait_for(lambda: self.waiting() == 0, timeout_s)
        wait_for(lambda: cloud.applied() == cloud.stored(), timeout_s)

    def waiting(self) -> int:
        """Events that the cloud has not acknowledged."""
        newest = "SELECT max(seq) FROM event v WHERE v.stream = e.stream AND v.epoch = e.epoch"
        return int(self._journal(f"SELECT COALESCE(sum(({newest}) - acked_seq), 0) FROM epoch e")[0][0])

    def written(self) -> int:
        """Events in its journal."""
        return int(self._journal("SELECT count(*) FROM event")[0][0])

    def keys(self) -> list[tuple[int, int, int]]:
        """(stream, epoch, seq) of every event in its journal."""
        return sorted(self._journal("SELECT stream, epoch, seq FROM event"))

    def _journal(self, query: str) -> list[tuple[int, ...]]:
        with closing(sqlite3.connect(f"file:{self.storage}/journal.sqlite?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(query).fetchall()

    # The crowd

    _crowd: asyncio.Task[None] | None = None

    def _live(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            runner.run(self._lane.start())
            self._crowd = self._loop.create_task(self._ride_all_day())
            self._loop.run_forever()
            runner.run(self._lane.stop())

    async def _ride_all_day(self) -> None:
        order: list[int] = []
        while self._riding:
            order = order or self._rng.sample(sorted(self._cards), CARDS)
            await self._ride(order.pop())
            await asyncio.sleep(NEXT_S)

    async def _ride(self, ticket: int) -> None:
        """A card is held up until a lamp or the arm says something."""
        lane = self._lane
        await lane.seen(lambda at: at.connected and not at.green and not at.refused, LAMP_S)
        self._reader.present(self._cards[ticket])
        await lane.seen(lambda at: at.free or at.refused, LAMP_S)
        self._reader.remove()
        if not lane.free:
            return
        before = lane.tripod.turned
        if self._rng.random() < TURNS_BACK:
            await lane.seen(lambda at: not at.free and not at.green, OPEN_MS / 1000 + LAMP_S)
        else:
            await lane.push(TURN_MS)
        self.turned[ticket] += lane.tripod.turned - before
