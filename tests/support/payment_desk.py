# SPDX-License-Identifier: Apache-2.0
"""A payment provider for tests, and the real client software in front of it."""

import time
from collections.abc import Callable
from functools import cache

from wechatpayv3 import WeChatPay, WeChatPayType  # type: ignore[import-untyped]

from pistegate_simulators.payment.keys import ProviderKeys
from pistegate_simulators.payment.notices import Fate
from pistegate_simulators.payment.server import PaymentProvider

NOTIFY = "http://127.0.0.1:9/notify"


@cache
def provider_keys() -> ProviderKeys:
    """One set for all tests of a process: making RSA keys takes a second."""
    return ProviderKeys.new()


def holding_provider(wall: Callable[[], float] = time.time) -> PaymentProvider:
    """A provider for a free port that keeps its notifications for the test."""
    return PaymentProvider(provider_keys(), fate=Fate(hold=True), wall=wall)


def client_of(provider: PaymentProvider, notify_url: str = NOTIFY) -> WeChatPay:
    """The `wechatpayv3` package as a merchant's software uses it (public key mode)."""
    keys = provider.keys
    client = WeChatPay(
        WeChatPayType.NATIVE,
        keys.mchid,
        keys.merchant_pem,
        keys.merchant_serial,
        keys.appid,
        keys.api_v3_key,
        notify_url,
        timeout=(5, 30),
        public_key=keys.public_pem,
        public_key_id=keys.public_key_id,
    )
    client._core._gate_way = provider.gateway  # it has no argument for it (facts)
    return client
