# SPDX-License-Identifier: Apache-2.0
"""A window's box beside a cloud of tests: the real store, desk and synchronising, over a line that can be cut."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from enrolled import Keyed

from pistegate_cloud.authority.models import DeviceKey
from pistegate_edge.clock import Clock
from pistegate_edge.contingency import times
from pistegate_edge.contingency.desk import Asked, Desk
from pistegate_edge.contingency.rules import Line
from pistegate_edge.contingency.shapes import Sale, Ticket
from pistegate_edge.contingency.store import open_store
from pistegate_edge.contingency.syncing import Syncing
from pistegate_edge.errors import CloudRefused, CloudUnreachable
from pistegate_edge.timekeeping.guarded import GuardedClock
from pistegate_edge.timekeeping.told import Reading, Sources
from pistegate_protocol.codes import TicketCode, open_code, parse
from pistegate_protocol.decide import Admit, Decision, GateProfile, Knowledge, decide
from pistegate_protocol.documents import DOCUMENTS, DenyList
from pistegate_protocol.enrolment import device_name, public_bytes
from pistegate_protocol.rotating import ReadAt
from pistegate_protocol.signing import KeyRing, claim_digest
from pistegate_protocol.topics import Device, Role
from pistegate_protocol.usage import Usage

PIN = "402817"
WINDOW = 3
BOX = Device(1, Role.ENCODER, 1)
ZONE = ZoneInfo("Asia/Shanghai")
GATE = GateProfile(site=1, group=1, gate=1, post_gates=frozenset({1, 2}), area=0, zone=ZONE)


class TestClock(Clock):
    """A computer's clocks that follow a test's."""

    __test__ = False

    def __init__(self, clock: Any) -> None:
        super().__init__()
        self._clock = clock
        self.off_ms = 0
        self.lost_steady_ms = 0

    def monotonic(self) -> float:
        return self._clock.now_ms / 1000

    def reading(self) -> Reading:
        return Reading(self._clock.now_ms + self.off_ms, self._clock.now_ms - self.lost_steady_ms)

    def sources(self) -> Sources:
        return Sources()

    def _wall_ns(self) -> int:
        return int(self._clock.now_ms + self.off_ms) * 1_000_000


RUNNING: "list[BoxOfTests]" = []
"""Boxes that were not switched off, for the end of a test."""


@dataclass(eq=False)
class BoxOfTests:
    """A box and its line to `cloud`, of tests/cloud. `cut`: nothing goes through; `drop`: answers are lost."""

    cloud: Any
    directory: Path
    keyed: Keyed = field(default_factory=lambda: Keyed(BOX))
    cut: bool = False
    drop: bool = False
    asked: list[str] = field(default_factory=list)
    _forms: int = 0

    async def enrol(self) -> None:
        """Its key is known to the cloud."""
        public = public_bytes(self.keyed.key.public_key()).hex()
        row = DeviceKey(site_id=1, role=BOX.role.value, number=BOX.number, public=public, enrolled_ms=1)
        await row.save(force_create=True)

    def switch_on(self, boot: bytes = b"") -> None:
        """As after a start of the computer, which has no clock of its own; `boot`: of its process, in that boot."""
        self.system = TestClock(self.cloud.clock)
        self.system.steady_id = boot
        self.store = open_store(self.directory, device_name(BOX))
        facts = {name: self.store.fact(name) for name in times.FACTS}
        self.clock = GuardedClock(self.system, times.before(facts, self.system.steady_id))
        self.line = Line(self.clock.steady_ms())
        self.desk = Desk(self.store, self.clock, self.line)
        self.syncing = Syncing(self.store, self._ask, self.clock, self.line)
        self._loop = asyncio.get_running_loop()
        RUNNING.append(self)

    def switch_off(self) -> None:
        """The process ends; nothing but the disk remains."""
        self.store.close()
        RUNNING.remove(self)

    async def round(self) -> bool:
        """One question to the cloud and what follows."""
        return await asyncio.to_thread(self.syncing.round)

    async def pass_time(self, seconds: float, every_s: float = 10.0) -> None:
        """Time goes by, with a question every so often."""
        for _ in range(int(seconds // every_s)):
            self.cloud.clock.now_ms += int(every_s * 1000)
            await self.round()

    def _ask(self, method: str, path: str, body: bytes) -> bytes:
        self.asked.append(f"{method} {path}")
        if self.cut:
            raise CloudUnreachable("cut")
        headers = self.keyed.headers(method, path, self.cloud.clock.now_ms, body)
        headers |= {"Content-Type": "application/json"} if body else {}
        url = path.removeprefix("/api/v1")
        request = self.cloud.http.request(method, url, content=body, headers=headers)
        answer = asyncio.run_coroutine_threadsafe(request, self._loop).result(30)
        if self.drop:
            raise CloudUnreachable("the answer was lost")
        if answer.status_code >= 400:
            raise CloudRefused(answer.json()["code"], answer.text)
        return bytes(answer.content)

    def sell(self, counts: dict[int, int], method: str = "cash", *, tendered: int | None = None) -> Sale:
        """Sell, and give the codes to the guest."""
        sale = self.pay(counts, method, tendered=tendered)
        self.desk.give(WINDOW, sale.batch, sale.receipt)
        return sale

    def pay(self, counts: dict[int, int], method: str = "cash", *, tendered: int | None = None) -> Sale:
        """Sell, the codes not seen yet."""
        self._forms += 1
        reference = f"T{self._forms:06d}" if method == "terminal" else ""
        return self.desk.sell(WINDOW, Asked(counts, method, reference, tendered, f"form {self._forms} {id(self)}"))

    def codes(self, sale: Sale) -> list[Ticket]:
        """What the guest has."""
        return list(self.desk.codes(WINDOW, sale.batch, sale.receipt))


def at_gate(cloud: Any, code: str, deny: dict[int, int] | None = None) -> Decision:
    """What a gate of area 0 decides of a code that it sees for the first time, with the issuer's public key alone."""
    parsed = parse(code)
    assert isinstance(parsed, TicketCode)
    now = datetime.fromtimestamp(cloud.clock.now_ms / 1000, UTC)
    keys = KeyRing({1: cloud.services.settings.issuer.load().public_key().public_bytes_raw()})
    opened = open_code(parsed, keys, ReadAt(now))
    usage = Usage(claim=claim_digest(opened.signed))
    return decide(opened.claim, usage, GATE, now, Knowledge(deny=deny or {}))


def admitted(cloud: Any, code: str, deny: dict[int, int] | None = None) -> bool:
    """Whether it lets them in."""
    return isinstance(at_gate(cloud, code, deny), Admit)


def denied_at(cloud: Any, gate: int = 1) -> dict[int, int]:
    """What the newest deny list says that was sent to a gate."""
    documents = [
        DOCUMENTS.decode(message.body)
        for message in cloud.wire.down(Device(1, Role.GATE, gate).down)
        if hasattr(message, "body")
    ]
    lists = [each for each in documents if isinstance(each, DenyList)]
    return dict(max(lists, key=lambda each: each.version).entries) if lists else {}


async def set_up(cloud: Any, directory: Path, offers: dict[int, int]) -> BoxOfTests:
    """A window with a box, which is enrolled; nothing was made yet."""
    box = BoxOfTests(cloud, directory)
    await box.enrol()
    body = {"role": "encoder", "device": BOX.number, "pin": PIN}
    body |= {"offers": [{"product": product, "count": count} for product, count in offers.items()]}  # type: ignore[dict-item]
    answer = await cloud.http.put(f"/contingency/windows/{WINDOW}?site=1", json=body)
    assert answer.is_success, answer.text
    return box
