# SPDX-License-Identifier: Apache-2.0
"""A serving cloud and a payment provider, both on real sockets: what a window sees when everything is itself."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from binding_cases import SITE
from cloud_process import ZONE, CloudProcess
from order_desk import NOTICES, PAYS
from payment_desk import provider_keys

from pistegate_simulators.payment.notices import Fate
from pistegate_simulators.payment.server import PaymentProvider

NATIVE = {"method": "wechat_native", "currency": "CNY"}


class Window:
    """A seller's program, and the guest's phone."""

    def __init__(self, cloud: CloudProcess, provider: PaymentProvider) -> None:
        self.cloud, self.provider = cloud, provider
        self.day = (datetime.now(ZoneInfo(ZONE)).date() + timedelta(days=1)).isoformat()

    def sell(self, payment: dict[str, Any], *products: int) -> Any:
        lines = [{"product": product, "visit_date": self.day} for product in products or (1,)]
        body = {"site": SITE, "channel": "window", "lines": lines, "payments": [payment]}
        return self.cloud.call("POST", "/orders", body)

    def pays(self, order: Any) -> None:
        number = order["payments"][0]["provider_payment"].replace("-", "")
        assert self.provider.guest_pays(number)

    def wait_for(self, path: str, is_there: Callable[[Any], bool]) -> Any:
        """What the path says once it is there."""
        deadline = time.monotonic() + 60
        while not is_there(found := self.cloud.call("GET", path)):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def until_paid(self, order: Any) -> Any:
        return self.wait_for(f"/orders/{order['id']}", lambda found: found["status"] == "paid")


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Window]:
    """Each notification comes twice."""
    directory = tmp_path_factory.mktemp("end-to-end")
    provider = PaymentProvider(provider_keys(), fate=Fate(duplicate=1.0))
    cloud = CloudProcess(directory / "cloud", "[enrolment]\nunsigned = true\n")
    sections = provider.keys.write(directory, provider.gateway, f"{cloud.url}/api/v1{NOTICES}")
    cloud.config.write_text(f"{cloud.config.read_text()}\n{sections}")
    with provider, cloud:
        deposit = {"code": "DEPOSIT", "name": {"en": "Deposit", "zh-CN": "押金"}, "kind": "deposit", "unit": "piece"}
        plain = {"site": SITE, "number": 3, "price": 20000, "currency": "CNY", "areas": [], "holder": "adult"}
        cloud.call("POST", "/products", plain | deposit)
        yield Window(cloud, provider)


def test_a_shown_code_is_paid_by_its_notification(window: Window) -> None:
    """The guest pays: told twice, the order is paid once, with one ticket."""
    sold = window.sell(NATIVE)
    assert (sold["status"], sold["device"][:9]) == ("new", "weixin://")
    window.pays(sold)
    paid = window.until_paid(sold)
    assert (len(paid["tickets"]), [one["state"] for one in paid["payments"]]) == (1, ["done"])


def test_a_code_whose_answer_is_lost_is_asked_for(window: Window) -> None:
    """Paid, answered with 500, and nobody tells us: the cloud asks by itself, and the order is paid."""
    window.provider.post.fate.lose = 1.0
    sold = window.sell({"method": "wechat_code", "code": PAYS[:-2] + "03", "currency": "CNY"})
    paid = window.until_paid(sold)
    window.provider.post.fate.lose = 0.0
    assert (sold["status"], len(paid["tickets"])) == ("new", 1)


def test_deposits_back_with_an_empty_balance_are_given_in_cash(window: Window) -> None:
    """The merchant's balance is gone, as at 16:30: the deposit's refund waits for a person; cash, and never both."""
    sold = window.sell(NATIVE, 1, 3)
    window.pays(sold)
    ticket = window.until_paid(sold)["tickets"][0]["number"]
    window.provider.books.dry_at_s = window.provider.wall()
    window.cloud.call("POST", "/settlements", {"site": SITE, "ticket": ticket})
    [refund] = window.wait_for("/refunds?attention=true", lambda found: found["items"])["items"]
    assert (refund["amount"], refund["state"]) == (20000, "waiting")
    given = window.cloud.call("POST", f"/refunds/{refund['id']}/cash")
    assert (given["method"], given["state"]) == ("cash", "cash")
    window.provider.books.dry_at_s = None
    for way in ("cash", "retry"):
        with pytest.raises(AssertionError, match="state_conflict"):
            window.cloud.call("POST", f"/refunds/{refund['id']}/{way}")
    assert window.provider.books.refunds == {}
