# SPDX-License-Identifier: Apache-2.0
"""A payment provider in memory behind the cloud's own interface: it loses answers, and keeps its notifications.

What is on the wire of the real one is proved elsewhere (test_payments*.py); here it is what it does with money.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from crash_points import AFTER_PROVIDER, BEFORE_PROVIDER, CrashPoints

from pistegate_cloud.payments.provider import (
    Asked,
    BillLine,
    Declined,
    Fact,
    Notice,
    RefundAsked,
    RefundFact,
    RefundTold,
    Told,
    Unclear,
    Way,
)

_FACTS = {"NOTPAY": Fact.WAITING, "SUCCESS": Fact.PAID, "CLOSED": Fact.CLOSED, "REVOKED": Fact.REVERSED}


@dataclass
class Theirs:
    """A payment as the provider has it."""

    number: str
    amount: int
    state: str = "NOTPAY"
    transaction: str | None = None
    refunds: dict[str, int] = field(default_factory=dict)


class MoneyProvider:
    """One merchant. `moods`: what happens to the next calls: "", "unheard" (done), "unsent" (not done), "declined"."""

    name = "wechat"

    def __init__(self, points: CrashPoints, clock: Any) -> None:
        self.points, self.clock = points, clock
        self.payments: dict[str, Theirs] = {}
        self.refunded: dict[str, RefundTold] = {}
        self.notices: list[dict[str, Any]] = []
        self.moods: list[str] = []
        self.balance = 0
        self.wrong: list[str] = []
        self._nonce = 0

    # What guests do

    def guest_pays(self, number: str) -> bool:
        """The guest pays what is shown; whether that was possible."""
        theirs = self.payments.get(number)
        if theirs is None or theirs.state not in ("NOTPAY", "CLOSED"):
            return False
        self._paid(theirs)
        return True

    def _paid(self, theirs: Theirs) -> None:
        theirs.state, theirs.transaction = "SUCCESS", f"T{theirs.number}"
        self.balance += theirs.amount
        self.notices.append({"payment": theirs.number})

    def notice(self, index: int) -> bytes:
        """One of the notifications so far, as it is sent now: each time with a new signature."""
        self._nonce += 1
        return json.dumps({"event": index, "nonce": self._nonce, **self.notices[index]}).encode()

    # What the cloud asks for

    async def create(self, asked: Asked, way: Way, payer: str | None) -> str:
        def work() -> str:
            theirs = self.payments.setdefault(asked.number, Theirs(asked.number, asked.amount))
            if theirs.state != "NOTPAY":
                raise Declined("ORDERPAID", theirs.state)
            return f"weixin://{asked.number}"

        return await self._asked(work)

    async def pay_by_code(self, asked: Asked, code: str) -> Told:
        def work() -> Told:
            if code.endswith("2"):
                raise Declined("NOTENOUGH", "the guest has too little")
            if asked.number in self.payments:
                self.wrong.append(f"code sent twice for {asked.number}")
            theirs = self.payments.setdefault(asked.number, Theirs(asked.number, asked.amount))
            if not code.endswith("1"):  # 1: the guest has to agree first
                self._paid(theirs)
            return self._told(asked.number)

        return await self._asked(work)

    async def query(self, number: str) -> Told:
        return await self._asked(lambda: self._told(number), question=True)

    async def close(self, number: str) -> None:
        def work() -> None:
            theirs = self.payments.get(number)
            if theirs is None or theirs.state not in ("NOTPAY", "CLOSED"):
                raise Declined("ORDERPAID", number)
            theirs.state = "CLOSED"

        await self._asked(work)

    async def reverse(self, number: str) -> None:
        def work() -> None:
            theirs = self.payments.get(number)
            if theirs is None:
                raise Declined("ORDERNOTEXIST", number)
            if theirs.refunds:
                raise Declined("REVERSE_EXPIRE", "it was refunded")
            if theirs.state == "SUCCESS":
                self.balance -= theirs.amount
            theirs.state = "REVOKED"

        await self._asked(work)

    async def refund(self, asked: RefundAsked) -> RefundTold:
        def work() -> RefundTold:
            theirs = self.payments[asked.payment]
            if asked.number not in theirs.refunds:
                if theirs.state != "SUCCESS" or sum(theirs.refunds.values()) + asked.amount > theirs.amount:
                    self.wrong.append(f"refund of {asked.amount} of {theirs}")
                    raise Declined("INVALID_REQUEST", asked.number)
                theirs.refunds[asked.number] = asked.amount
                self.balance -= asked.amount
                self.notices.append({"refund": asked.number})
            told = RefundTold(asked.number, RefundFact.DONE, asked.amount, f"R{asked.number}")
            self.refunded[asked.number] = told
            return told

        return await self._asked(work)

    async def query_refund(self, number: str) -> RefundTold:
        return await self._asked(
            lambda: self.refunded.get(number, RefundTold(number, RefundFact.ABSENT)), question=True
        )

    def open_notice(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notice | None:
        sent = json.loads(body)
        told = self._told(sent["payment"]) if "payment" in sent else self.refunded[sent["refund"]]
        return Notice(str(sent["event"]), str(sent["nonce"]), told)

    async def bill(self, day: date) -> Sequence[BillLine]:
        return []

    async def _asked(self, work: Any, *, question: bool = False) -> Any:
        self.points.reach(BEFORE_PROVIDER)
        mood = self.moods.pop(0) if self.moods else ""
        if mood == "unsent" or (question and mood == "declined"):
            raise Unclear("no connection")
        if mood == "declined":
            raise Declined("FREQUENCY_LIMITED", "too often")
        answer = work()
        self.points.reach(AFTER_PROVIDER)
        if mood == "unheard":
            raise Unclear("no answer")
        return answer

    def _told(self, number: str) -> Told:
        theirs = self.payments.get(number)
        if theirs is None:
            return Told(number, Fact.ABSENT)
        if theirs.state != "SUCCESS":
            return Told(number, _FACTS[theirs.state])
        return Told(number, Fact.PAID, theirs.transaction, theirs.amount, "CNY", self.clock.now_ms)
