# SPDX-License-Identifier: Apache-2.0
"""A window and a till of orders: the cloud's API, and a payment provider on real sockets."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from payment_desk import holding_provider

from pistegate_cloud.ledger import queries as ledger
from pistegate_cloud.payments.settling import settle
from pistegate_cloud.payments.wechat import WeChatProvider
from pistegate_cloud.settings import WeChatSettings
from pistegate_simulators.payment.server import PaymentProvider

PAYS = "134567890123456700"  # a payment code; its last two digits say what happens
NOTICES = "/payments/wechat/notifications"


def wechat_settings(sim: PaymentProvider, directory: Path, notify_url: str = "http://127.0.0.1:9/") -> WeChatSettings:
    """As cloud.toml has them."""
    section = sim.keys.write(directory, sim.gateway, notify_url)
    return msgspec.convert(msgspec.toml.decode(section)["wechat"], WeChatSettings)


@dataclass
class OrderDesk:
    """What a window does. `day`: tomorrow at the site, whatever the time of the test is; `today`: before it."""

    cloud: Any
    sim: PaymentProvider
    wechat: WeChatProvider
    today: str
    day: str

    @property
    def clock(self) -> Any:
        return self.cloud.clock

    def body(self, *payments: dict[str, Any], product: int = 1, quantity: int = 1, **more: Any) -> dict[str, Any]:
        lines = [{"product": product, "quantity": quantity, "visit_date": self.day}]
        return {"site": 1, "channel": "window", "lines": lines, "payments": [cny(one) for one in payments], **more}

    async def sell(self, *payments: dict[str, Any], key: str | None = None, **more: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return await self.cloud.post("/orders", self.body(*payments, **more), **headers)

    async def refused(self, path: str, body: dict[str, Any]) -> str:
        """The code of the problem."""
        answer = await self.cloud.http.post(path, json=body)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return str(answer.json()["code"])

    async def refused_sale(self, *payments: dict[str, Any], **more: Any) -> str:
        return await self.refused("/orders", self.body(*payments, **more))

    async def pay(self, order: Any, *payments: dict[str, Any]) -> Any:
        return await self.cloud.post(f"/orders/{order['id']}/payments", {"payments": [cny(one) for one in payments]})

    async def now(self, order: Any) -> Any:
        return await self.cloud.get(f"/orders/{order['id']}")

    async def later(self, ms: int = 20_001) -> None:
        """Time passes, and the loop of `serve` comes round."""
        self.clock.now_ms += ms
        await settle(self.wechat, self.clock)

    def guest_pays(self, order: Any) -> bool:
        return self.sim.guest_pays(number_of(order))

    def notice(self, index: int = -1) -> tuple[dict[str, str], bytes]:
        """A notification as the provider signs it now."""
        held = self.sim.post.held[index]
        return held.headers(self.sim.keys, self.clock.now_ms / 1000), held.body

    async def deliver(self, index: int = -1) -> int:
        headers, body = self.notice(index)
        answer = await self.cloud.http.post(NOTICES, headers={"Authorization": "", **headers}, content=body)
        return int(answer.status_code)

    async def books(self) -> dict[str, int]:
        """Balances that are not zero."""
        assert await ledger.imbalance(1) == 0
        return {account: amount for (account, _), amount in (await ledger.balances(1)).items() if amount}


def cny(payment: dict[str, Any]) -> dict[str, Any]:
    return {"currency": "CNY", **payment}


def number_of(order: Any) -> str:
    """The payment's number at the provider."""
    waiting = [one for one in order["payments"] if one["provider_payment"]]
    return str(waiting[-1]["provider_payment"]).replace("-", "")


@contextmanager
def order_desk(cloud: Any, directory: Path) -> Iterator[OrderDesk]:
    """At this moment: the client package signs with the computer's time."""
    cloud.clock.now_ms = int(time.time() * 1000)
    today, day = (time.strftime("%Y-%m-%d", time.gmtime(time.time() + hours * 3600)) for hours in (8, 32))
    with holding_provider() as sim:
        sim.ways.password_s = 0.0
        wechat = WeChatProvider(wechat_settings(sim, directory))
        cloud.services.wechat = wechat
        yield OrderDesk(cloud, sim, wechat, today, day)
