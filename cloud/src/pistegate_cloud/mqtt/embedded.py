# SPDX-License-Identifier: Apache-2.0
"""The broker inside this process, for a site without one: amqtt, anonymous, so on loopback only."""

import asyncio
import ipaddress
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pistegate_cloud.errors import SettingsError
from pistegate_cloud.settings import BrokerSettings

SHUTDOWN_S = 2.0  # seconds that an orderly end waits for clients to hang up
_log = logging.getLogger(__name__)
_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


@asynccontextmanager
async def embedded_broker(settings: BrokerSettings) -> AsyncIterator[None]:
    """A broker while inside; nothing when the settings name another one."""
    if settings.kind != "embedded":
        yield
        return
    _check_loopback(settings.host)
    from amqtt.broker import Broker  # type: ignore[import-untyped]  # its import takes longer than that of all the rest

    logging.getLogger("amqtt").setLevel(logging.WARNING)
    logging.getLogger("transitions").setLevel(logging.WARNING)
    listeners = {"default": {"type": "tcp", "bind": f"{settings.host}:{settings.port}", "max_connections": 500}}
    broker = Broker({"listeners": listeners, "plugins": _PLUGINS})
    await broker.start()
    _log.info("embedded broker listens on %s:%d", settings.host, settings.port)
    try:
        yield
    finally:
        # From Python 3.12 on a closed server waits for its connections, and gates do not hang up by themselves.
        try:
            async with asyncio.timeout(SHUTDOWN_S):
                await broker.shutdown()
        except TimeoutError:
            _log.info("embedded broker ended with clients connected")


def _check_loopback(host: str) -> None:
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise SettingsError(
            f"broker.url: the embedded broker takes anyone, so it listens on 127.0.0.1 only, not on {host}; "
            "for gates on other machines run Mosquitto and name it as mqtt://host:port"
        )
