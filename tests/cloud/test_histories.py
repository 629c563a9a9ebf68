# SPDX-License-Identifier: Apache-2.0
"""Random honest days of one card, told in any order: money is conserved, nothing counts twice, nobody is accused.

The devices' events are uploaded one by one in an order that hypothesis draws, through the real ingestion, as often as
it takes; the applier runs in between. Real flows on the simulated card make them.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from card_stock import MASTERS
from device_bench import Bench, Cut, till_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from wallet_desk import check_books, issue_ticket, load, load_list, open_wallet, sign_load, tell_all

from pistegate_cloud.ingest.applier import PREDECESSOR_S
from pistegate_cloud.proofs.rules import SKEW_MS
from pistegate_cloud.rentals.models import Rental
from pistegate_cloud.wallets.models import CardUse, WalletMovement
from pistegate_protocol.messages import Ack

NOON_MS = 1768622400000
MINUTE_MS = 60_000
GATES, TILLS = (1, 2, 3), (21, 22)
ALARMS = {
    "proof_false",
    "proof_lacking",
    "proof_contradicts",
    "counter_missing",
    "counter_twice",
    "fork",
    "inapplicable",
    "wallet_unknown_card",
    "wallet_beyond_books",
    "wallet_overdrawn",
    "wallet_statement_unknown",
    "rental_twice",
    "rental_never_taken",
}
CUTS = [Cut.NONE, Cut.NONE, Cut.NONE, Cut.UNSENT, Cut.UNHEARD, Cut.UNDONE]
KINDS = ["boots", "skis", "poles", "helmet"]


@dataclass
class Day:
    """One card's day on real devices; `run` counts the devices' runs, so that every example has epochs of its own."""

    cloud: Any
    new_gate: Any
    new_card: Any
    bench: Bench = field(default_factory=lambda: Bench(MASTERS, NOON_MS, step_ms=20_000))
    run: int = 0
    last: dict[int, Any] = field(default_factory=dict)

    async def begin(self) -> "Day":
        """New runs of all devices, and a new guest with a ticket and money on the card."""
        self.run += 1
        for number in GATES:
            self.last[number] = self.new_gate(number, (100 + self.run) << 32, self.last.get(number))
        for number in TILLS:
            self.last[number] = till_of(self.new_gate, number, (100 + self.run) << 32, self.last.get(number))
        self.card = self.new_card()
        self.ticket = await issue_ticket(self.cloud, self.card)
        self.wallet = await open_wallet(self.cloud, self.card, 50_000)
        assert (await load(self.cloud, self.wallet, 6_000)).is_success
        # A card's silence about a use decides only beyond what clocks may differ by since its turn began.
        self.cloud.clock.now_ms += SKEW_MS + MINUTE_MS
        self.bench.now_ms = self.cloud.clock.now_ms
        self.out: set[str] = set()
        self.had: set[str] = set()
        return self

    async def step(self, kind: str, device: int, cut: Cut, amount: int, settle: bool) -> None:
        """One thing that happens; what is impossible now is left out."""
        self.cloud.clock.now_ms = self.bench.now_ms  # one day, told by clocks that agree
        gate, till = self.last[GATES[device % 3]], self.last[TILLS[device % 2]]
        doer, seq = till, 0
        if kind == "ride":
            doer, seq = gate, self.bench.ride(gate, self.card, self.ticket, cut)
        elif kind == "spend" and amount <= self.bench.balance(self._powered())[0].balance:
            seq = self.bench.spend(till, self.card, amount, cut)
        elif kind == "sign":
            await sign_load(self.cloud, self.wallet, amount)
        elif kind == "write" and (entries := self._entries()):
            seq = self.bench.write_statement(till, self.card, entries[0], cut)
        elif kind == "rent" and (free := [k for k in KINDS if k not in self.had]):
            seq = self.bench.rent(till, self.card, free[0], cut=cut)
            self._moved({free[0]}, set(), cut)
        elif kind == "return" and self.out:
            piece = min(self.out)
            seq = self.bench.rent(till, self.card, piece, back=True, cut=cut)
            self._moved(set(), {piece}, cut)
        elif kind == "load":
            await load(self.cloud, self.wallet, amount)
        if seq and settle and cut in (Cut.UNHEARD, Cut.UNDONE):
            self.bench.settle(doer, seq, cut is Cut.UNHEARD)

    def _powered(self) -> Any:
        self.card.power_off()
        self.card.power_on()
        return self.card

    def _entries(self) -> list[bytes]:
        mine = [signed for signed in load_list(self.cloud, self.last[TILLS[0]]) if self.card.uid in signed]
        return mine[-1:]

    def _moved(self, taken: set[str], back: set[str], cut: Cut) -> None:
        if cut in (Cut.NONE, Cut.UNHEARD):
            self.had |= taken
            self.out = self.out | taken - back if taken else self.out - back

    async def upload(self, rng: Random) -> None:
        """Every event in a message of its own, in a random order, again and again until all are acknowledged."""
        devices = [self.last[number] for number in (*GATES, *TILLS)]
        ends = {device.device.down: len(device.payloads[1]) for device in devices}
        acked = dict.fromkeys(ends, 0)
        while acked != ends:
            messages = [device.batch(n, n) for device in devices for n in range(1, ends[device.device.down] + 1)]
            rng.shuffle(messages)
            cut_at = rng.randrange(1, len(messages) + 1)
            for chunk in (messages[:cut_at], messages[cut_at:]):
                for topic, message in await self.cloud.receive(chunk):
                    if isinstance(message, Ack):
                        acked[topic] = max(acked[topic], message.seq)
                if rng.random() < 0.7:
                    await self.cloud.services.ingest.apply_pending()
            self.cloud.clock.seconds += PREDECESSOR_S + 1

    async def finish(self) -> None:
        """Everybody has told everything; a clerk reads the card, which decides what is still in doubt."""
        await tell_all(self.cloud, *[self.last[number] for number in (*GATES, *TILLS)])
        encoder = self.cloud.encoder()
        encoder.card = self.card
        self.found = await self.cloud.post("/rentals/checkout", {"site": 1, "encoder": 1, "wait_ms": 1000})


moves = st.tuples(
    st.sampled_from(["ride", "spend", "spend", "spend", "sign", "write", "rent", "return", "load"]),
    st.integers(0, 5),
    st.sampled_from(CUTS),
    st.integers(1, 2_500),
    st.booleans(),
)


@pytest.fixture
async def day(cloud: Any, new_gate: Any, new_card: Any) -> Day:
    """A site with gates and tills."""
    for number in TILLS:
        await cloud.post("/gates", {"site": 1, "number": number, "role": "till", "name": f"Till {number}"})
    return Day(cloud, new_gate, new_card)


scripts = st.lists(moves, min_size=2, max_size=14)
orders = st.integers(0, 2**32 - 1)  # a seed and not a drawn Random: examples that end early would use up the cards
# Not shrunk: every try would take a card of the stock, which ends after 40.
honest_days = settings(
    max_examples=4,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@honest_days
@given(script=scripts, order=orders)
async def test_any_honest_day_in_any_order_of_upload(day: Day, script: list[Any], order: int) -> None:
    """Loads - debits - refunds = account + card; the books of the card are what it holds; equipment is where it is."""
    await check_day(day, script, order)


# Minutes on a busy machine: `pytest -m slow tests/cloud/test_histories.py`.
@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(honest_days, max_examples=30, derandomize=False)
@given(script=scripts, order=orders)
async def test_many_honest_days(day: Day, script: list[Any], order: int) -> None:
    """The same, of days that differ from run to run."""
    await check_day(day, script, order)


async def check_day(day: Day, script: list[Any], order: int) -> None:
    """Live it, tell it, compare the books."""
    await day.begin()
    for kind, device, cut, amount, settle in script:
        await day.step(kind, device, cut, amount, settle)
    await day.upload(Random(order))
    await day.finish()
    assert set(await day.cloud.exceptions()) & ALARMS == set()
    await check_books(day.cloud, [day.card])
    uid = day.card.uid.hex()
    assert await CardUse.filter(uid=uid, state__in=("unconfirmed", "interrupted"), settled=None).count() == 0
    assert {piece["kind"] for piece in day.found["pieces"] if piece["out"]} == day.out
    assert all(piece["told"] for piece in day.found["pieces"])
    rows = await Rental.filter(uid=uid)
    assert {row.kind for row in rows if row.returned_ms is None} == {KIND_NUMBERS[kind] for kind in day.out}
    state = await day.cloud.get(f"/wallets/{day.wallet}")
    debits = sum(row.amount for row in await WalletMovement.filter(wallet_id=day.wallet, kind="wallet_debit"))
    assert state["account"] + state["card"]["balance"] == 50_000 - debits


KIND_NUMBERS = {"boots": 0, "skis": 1, "poles": 3, "helmet": 7}
