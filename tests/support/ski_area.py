# SPDX-License-Identifier: Apache-2.0
"""A ski area that publishes its rules: sold over HTTP, used at gates and tills whose events the cloud stores, settled.

A `Visitor` has a card. At a gate its claim and usage are read off the card, `decide()` answers with what the cloud told
the gates, and the admission is written to the card and told to the cloud, with the card's proof.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from card_flows import run_flow
from card_stock import MASTERS
from device_bench import Bench, Cut, medium, till_of
from documents_down import issuer_keys
from guests_at_gates import ZONE, at, knowledge, moment

from pistegate_cloud.days import recognition, reporting
from pistegate_cloud.days.checking import differences
from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.orders.models import OrderLine
from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.claims import Claim
from pistegate_protocol.decide import Admit, GateProfile, decide
from pistegate_protocol.desfire.transactions import open_card
from pistegate_protocol.events import READ_CLAIM, Admitted, Outcome, OutcomeKind, admission_name
from pistegate_protocol.records import passage_record
from pistegate_protocol.signing import Medium, MediumKind, open_claim
from pistegate_protocol.usage import decode_usage, encode_counters, encode_usage
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import claim_content

CNY = "CNY"
# 2026: 17 January is a Saturday; the Spring Festival is 17 to 23 February, 14 and 28 February (Saturdays) are worked.
SATURDAY, SUNDAY, MONDAY, TUESDAY, WEDNESDAY = "2026-01-17", "2026-01-18", "2026-01-19", "2026-01-20", "2026-01-21"
FESTIVAL, WORKED_SATURDAY = "2026-02-17", "2026-02-14"
HOLIDAYS, WORKED = 1, 2


def named(words: str) -> dict[str, str]:
    """A name in both languages."""
    return {"en": words, "zh-CN": words}


@dataclass
class Area:
    """One site with its products, prices, gates and tills."""

    cloud: Any
    new_card: Any
    new_gate: Any
    bench: Bench = field(default_factory=lambda: Bench(MASTERS, 0, step_ms=0))
    devices: dict[int, Any] = field(default_factory=dict)

    async def open(
        self, products: list[dict[str, Any]], content: dict[str, Any], calendars: list[dict[str, Any]] | None = None
    ) -> None:
        """Calendars, products and the price list, as an operator sets them up on 10 January."""
        at(self.cloud, "2026-01-10", "08:00")
        festival = "\n".join(f"2026-02-{day},春节" for day in range(17, 24))
        for number in (HOLIDAYS, WORKED):
            await self.cloud.post("/calendars", {"site": 1, "number": number, "name": named("Days")})
        await self.cloud.post(f"/calendars/1/{HOLIDAYS}/dates", {"csv": f"2026-01-01,元旦\n{festival}"})
        await self.cloud.post(f"/calendars/1/{WORKED}/dates", {"add": [WORKED_SATURDAY, "2026-02-28"]})
        for calendar in calendars or []:
            await self.cloud.post("/calendars", {"site": 1, "name": named("Days")} | calendar)
        for product in products:
            plain = {"site": 1, "code": f"P{product['number']}", "currency": CNY, "price": 0}
            areas = [0] if product.get("kind", "ticket") == "ticket" else []
            await self.cloud.post("/products", plain | {"areas": areas} | product)
        if content:
            await self.cloud.post("/price-lists", {"site": 1, "content": content})

    async def till(self, number: int) -> None:
        """A till; equipment is handed out at it too."""
        await self.cloud.post("/gates", {"site": 1, "number": number, "role": "till", "name": f"Till {number}"})
        self.devices[number] = till_of(self.new_gate, number)

    def gate(self, number: int) -> Any:
        """One of the site's three gates."""
        if number not in self.devices:
            self.devices[number] = self.new_gate(number)
        return self.devices[number]

    async def sell(self, *lines: dict[str, Any], currency: str = CNY) -> Any:
        """An order paid in cash, exactly; the order."""
        order = await self.cloud.http.post("/orders", json=self._order(*lines, currency=currency))
        assert order.is_success, order.text
        return order.json()

    async def refused(self, *lines: dict[str, Any], currency: str = CNY) -> str:
        """The code of the problem that an order answers with."""
        answer = await self.cloud.http.post("/orders", json=self._order(*lines, currency=currency))
        assert not answer.is_success
        return str(answer.json()["code"])

    @staticmethod
    def _order(*lines: dict[str, Any], currency: str) -> dict[str, Any]:
        cash = [{"method": "cash", "currency": currency}]
        return {"site": 1, "channel": "window", "lines": list(lines), "payments": cash}

    async def agreed(self, order: dict[str, Any], number: int) -> dict[str, Any]:
        """The terms that were kept with an order's line of a product."""
        for line in await OrderLine.filter(order_id=order["id"]).select_related("product"):
            if line.product is not None and line.product.number == number:
                terms: dict[str, Any] = line.terms or {}
                return terms
        raise AssertionError(f"no line of product {number}")

    async def visitor(self, ticket: int) -> "Visitor":
        """A guest whose ticket is put on a new card."""
        encoder, card = self.cloud.encoder(), self.new_card()
        encoder.card = card
        await self.cloud.post(f"/tickets/{ticket}/issue", {"encoder": 1, "wait_ms": 0})
        return Visitor(self, card, ticket)

    async def tell(self) -> None:
        """Every gate and till sends what it has, and the cloud applies it."""
        if self.devices:
            await self.cloud.receive([device.batch() for device in self.devices.values()])
            await self.cloud.services.ingest.apply_pending()

    async def reconciles(self, day: str) -> None:
        """The daily close finds nothing: orders, tax, payments, deposits, wallets, recognition agree with the books."""
        await recognition.run(self.cloud.clock.now_ms)
        found = await reporting.report(1, date.fromisoformat(day), "open")
        assert differences(found.checks) == []

    async def balances(self) -> dict[str, int]:
        """The site's ledger: account -> balance, debit positive; accounts at zero left out. It balances."""
        assert await ledger.imbalance(1) == 0
        found = await ledger.balances(1)
        return {code: amount for (code, _), amount in sorted(found.items()) if amount}


@dataclass
class Visitor:
    """A guest with a card."""

    area: Area
    card: DesfireCard
    ticket: int

    @property
    def claim(self) -> Claim:
        """As it is on the card."""
        signed = claim_in_file(claim_content(self.card))
        assert signed is not None
        return open_claim(signed, Medium(MediumKind.CARD, self.card.uid), issuer_keys(self.area.cloud))

    def passes(self, day: str, time: str, gate: int = 1, *, exit: bool = False) -> str:
        """Through a lane, or the reason why not; written to the card and to the gate's events."""
        area, bench, now = self.area, self.area.bench, moment(day, time)
        bench.now_ms = int(now.timestamp() * 1000)
        self.card.power_off()
        self.card.power_on()
        content = run_flow(open_card(bench._key(self.card), bench.rng.randbytes(16)), self.card.process)
        before = decode_usage(content.usage_file)
        plain: dict[str, Any] = {"site": 1, "group": 1, "gate": gate, "area": 0, "zone": ZONE, "exit": exit}
        profile = GateProfile(post_gates=frozenset({gate}), **plain)
        decision = decide(self.claim, before, profile, now, knowledge(area.cloud, self.ticket))
        if not isinstance(decision, Admit):
            return str(decision.reason.value)
        device = area.gate(gate)
        seq = len(device.payloads[1]) + 1
        name = admission_name(gate, device.epoch, seq)
        usage = encode_usage(replace(decision.usage, admission=name))
        event = Admitted(
            at=bench.now_ms,
            ticket=self.ticket,
            medium=medium(self.card),
            claim=before.claim,
            n=decision.n,
            charged=decision.charged,
            counters=encode_counters(decision.usage),
            prev=before.admission,
            reads=READ_CLAIM,
            before=content.usage_file[:1] + content.usage_file[17:],
            exit=decision.exit,
            overtime=decision.overtime,
        )
        assert device.add(event) == seq
        record = passage_record(bench.now_ms, exit, gate, decision.n, name)
        proof = bench._write(self.card, content.session, Cut.NONE, usage=usage, record=record)
        device.add(Outcome(bench.now_ms + 2000, device.epoch, seq, OutcomeKind.PASSED, decision.n, 0, proof))
        return " ".join(["out"] * decision.exit + ["overtime"] * decision.overtime) or "in"

    def rents(self, day: str, time: str, till: int, items: str, *, back: bool = False) -> None:
        """Equipment at a till, `items` as in its event: "boots=B-12 skis"."""
        self.area.bench.now_ms = int(moment(day, time).timestamp() * 1000)
        self.area.bench.rent(self.area.devices[till], self.card, items, back=back, ticket=self.ticket)

    def spends(self, day: str, time: str, till: int, amount: int, item: str = "soup") -> None:
        """Something eaten or drunk."""
        self.area.bench.now_ms = int(moment(day, time).timestamp() * 1000)
        self.area.bench.spend(self.area.devices[till], self.card, amount, item=item)

    async def checks_out(self, day: str, time: str, **body: Any) -> Any:
        """The settlement of everything at encoder 1; the response."""
        at(self.area.cloud, day, time)
        self.area.cloud.encoder().card = self.card
        return await self.area.cloud.http.post("/settlements", json={"site": 1, "encoder": 1, "wait_ms": 0} | body)

    async def looks(self, day: str, time: str, **body: Any) -> Any:
        """What it would come to."""
        at(self.area.cloud, day, time)
        self.area.cloud.encoder().card = self.card
        return await self.area.cloud.post("/settlements/preview", {"site": 1, "encoder": 1, "wait_ms": 0} | body)


def told(answer: Any) -> list[tuple[str, int]]:
    """The lines of a settlement: key and amount."""
    return [(line["key"], line["amount"]) for line in answer["lines"]]
