# SPDX-License-Identifier: Apache-2.0
"""One process that serves all: HTTP, the broker's client, the applier; on SQLite nothing else may open the database."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from pistegate_cloud.app import OPENAPI, create_app
from pistegate_cloud.authority.files import load as load_authority
from pistegate_cloud.authority.service import keep_revoked
from pistegate_cloud.bindings.sweeping import sweep
from pistegate_cloud.calendars import service as calendars
from pistegate_cloud.clock import Clock, open_clock
from pistegate_cloud.contingency import nightly
from pistegate_cloud.database import open_database
from pistegate_cloud.days import recognition
from pistegate_cloud.documents import recovery
from pistegate_cloud.encoders.relay import Relay
from pistegate_cloud.errors import SettingsError
from pistegate_cloud.fingers.sweeping import sweep as sweep_fingers
from pistegate_cloud.ingest.service import Ingest
from pistegate_cloud.migrate import check_schema
from pistegate_cloud.mqtt.bridge import Bridge
from pistegate_cloud.mqtt.embedded import embedded_broker
from pistegate_cloud.notifications import sending
from pistegate_cloud.orders.cancelling import expire_due
from pistegate_cloud.payments.provider import Provider
from pistegate_cloud.payments.reconciling import reconcile_due
from pistegate_cloud.payments.settling import settle
from pistegate_cloud.services import Services
from pistegate_cloud.settings import Settings
from pistegate_cloud.tenders.vouchers import expire_due as expire_vouchers
from pistegate_cloud.tickets import overused

RENEW_EVERY_S = 3600.0  # calendars: looked at, and made anew when they are a week old
SWEEP_EVERY_S = 10.0  # bindings: a ticket reissued on a card is known by its document so much later at most
BATCH_EVERY_S = 20.0  # contingency tickets: a window whose batch was closed in the day gets the next one so soon
SETTLE_EVERY_S = 1.0  # payments: a guest stands at the window
RECONCILE_EVERY_S = 900.0  # bills come once a day
EXPIRE_EVERY_S = 5.0  # orders that nobody paid: their stock is free so much later at most
RECOGNISE_EVERY_S = 30.0  # revenue: nobody waits for it, and a run over nothing new is a few look-ups
SEND_EVERY_S = 1.0  # messages: a guest with a new ticket looks at the phone
APPLY_EVERY_S = 2.0  # even when nothing comes in: epochs waiting for their predecessor
STOP_S = 3  # for requests in flight; a relayed card write takes under 1 s
_log = logging.getLogger(__name__)


async def serve(settings: Settings, config_path: Path) -> None:
    """Serve until SIGTERM or SIGINT. SchemaError when migrations are missing, SettingsError for a wrong value."""
    await check_schema(settings.database, config_path)
    _check_hearing(settings, config_path)
    async with embedded_broker(settings.broker), running_services(settings) as services:
        await _serve_http(services)


def _check_hearing(settings: Settings, config_path: Path) -> None:
    """A cloud that can enrol nobody and hears nobody who is not enrolled would keep silence with every device."""
    enrolment = settings.enrolment
    if enrolment.authority is None and not enrolment.unsigned:
        raise SettingsError(
            f"{config_path}: no device could be heard. Make an authority (`pistegate-cloud authority init`) and name "
            "it under [enrolment]; or write `unsigned = true` there as long as devices of release 0.1 are in use"
        )
    if enrolment.authority is not None:
        load_authority(Path(enrolment.authority))


@asynccontextmanager
async def running_services(settings: Settings) -> AsyncIterator[Services]:
    """Everything but HTTP, running."""
    clock = open_clock(settings.clock.source)
    async with open_database(settings.database) as connection:
        if settings.enrolment.authority is not None:
            await keep_revoked(settings.enrolment, clock.wall_ms())
        bridge = Bridge(settings.broker)
        relay = Relay(bridge.send)
        unsigned = settings.enrolment.unsigned
        ingest = Ingest(
            connection, clock, relay.deliver, settings.card_keys, unsigned=unsigned, time_key=settings.documents
        )
        arrived = asyncio.Event()
        services = Services(settings, clock, connection, bridge, relay, ingest, wechat=_wechat(settings))
        tasks = [
            asyncio.create_task(bridge.run(ingest.take, relay.deliver, arrived.set), name="bridge"),
            asyncio.create_task(_apply_for_ever(services, arrived), name="applier"),
            asyncio.create_task(_renew_for_ever(services), name="calendars"),
            asyncio.create_task(_sweep_for_ever(services), name="bindings"),
            asyncio.create_task(_sweep_fingers_for_ever(services), name="fingers"),
            asyncio.create_task(_recover_for_ever(services), name="recovery"),
            asyncio.create_task(_recognise_for_ever(services), name="recognition"),
            asyncio.create_task(_expire_for_ever(services.clock), name="orders"),
            asyncio.create_task(_batch_for_ever(services), name="contingency"),
            asyncio.create_task(_send_for_ever(sending.open_post(settings, clock)), name="notifications"),
        ]
        if services.wechat is not None:
            tasks.append(asyncio.create_task(_settle_for_ever(services.wechat, services.clock), name="payments"))
            tasks.append(asyncio.create_task(_reconcile_for_ever(services.wechat, services.clock), name="bills"))
        try:
            yield services
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _apply_for_ever(services: Services, arrived: asyncio.Event) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(APPLY_EVERY_S):
                await arrived.wait()
        arrived.clear()
        try:
            await services.ingest.apply_pending()
            await overused.deny_found(services)
        except Exception:  # noqa: BLE001 - logged; the applier must live as long as the process
            _log.exception("events could not be applied; they are stored, next attempt in %.0f s", APPLY_EVERY_S)
            await asyncio.sleep(APPLY_EVERY_S)


async def _renew_for_ever(services: Services) -> None:
    """Weekdays of calendars are worked out 400 days ahead: anew every week, so that no gate comes to their end."""
    while True:
        try:
            await calendars.renew(services, older_than_ms=calendars.RENEW_MS)
        except Exception:  # noqa: BLE001 - logged; a later attempt is months early enough
            _log.exception("calendars could not be renewed, next attempt in %.0f s", RENEW_EVERY_S)
        await asyncio.sleep(RENEW_EVERY_S)


async def _recover_for_ever(services: Services) -> None:
    """Documents that devices send back after a restore."""
    while True:
        device, message = await services.ingest.returned.get()
        try:
            await recovery.take(device, message, services)
        except Exception:  # noqa: BLE001 - logged; the device is asked again at its next hello
            _log.exception("a document of %s %d was not taken back", device.role, device.number)


async def _recognise_for_ever(services: Services) -> None:
    """Revenue of what was used, and of what has expired."""
    while True:
        try:
            await recognition.run(services.clock.wall_ms())
        except Exception:  # noqa: BLE001 - logged; what is not recognised now is by the next run, or by the day's close
            _log.exception("revenue could not be recognised, next attempt in %.0f s", RECOGNISE_EVERY_S)
        await asyncio.sleep(RECOGNISE_EVERY_S)


async def _sweep_for_ever(services: Services) -> None:
    """Bindings come near, change and go by; gates fetch what this leaves for them."""
    while True:
        try:
            await sweep(services)
        except Exception:  # noqa: BLE001 - logged; what is not told now is told by the next attempt
            _log.exception("bindings could not be gone through, next attempt in %.0f s", SWEEP_EVERY_S)
        await asyncio.sleep(SWEEP_EVERY_S)


async def _sweep_fingers_for_ever(services: Services) -> None:
    """Fingers of passes that end, claims of passes that change, deletions that are answered."""
    while True:
        try:
            await sweep_fingers(services)
        except Exception:  # noqa: BLE001 - logged; gates erase what is over by their own clocks too
            _log.exception("fingers could not be gone through, next attempt in %.0f s", SWEEP_EVERY_S)
        await asyncio.sleep(SWEEP_EVERY_S)


async def _batch_for_ever(services: Services) -> None:
    """Contingency tickets for tomorrow, and for today where there are none."""
    while True:
        try:
            await nightly.run(services)
        except Exception:  # noqa: BLE001 - logged; what is not made now is made by the next attempt
            _log.exception("contingency tickets could not be made, next attempt in %.0f s", BATCH_EVERY_S)
        await asyncio.sleep(BATCH_EVERY_S)


def _wechat(settings: Settings) -> Provider | None:
    if settings.wechat is None:
        return None
    from pistegate_cloud.payments.wechat import WeChatProvider  # its client package is loaded only where it is used

    return WeChatProvider(settings.wechat)


async def _settle_for_ever(provider: Provider, clock: Clock) -> None:
    """Payments and refunds whose end is not known are asked for until it is."""
    while True:
        try:
            await settle(provider, clock)
        except Exception:  # noqa: BLE001 - logged; what is open stays open and is asked for again
            _log.exception("payments could not be gone through, next attempt in %.0f s", SETTLE_EVERY_S)
        await asyncio.sleep(SETTLE_EVERY_S)


async def _expire_for_ever(clock: Clock) -> None:
    """Orders that were not paid in time let go what they hold; vouchers end."""
    while True:
        try:
            await expire_due(clock)
            await expire_vouchers(clock)
        except Exception:  # noqa: BLE001 - logged; they hold it until the next attempt
            _log.exception("orders could not be ended, next attempt in %.0f s", EXPIRE_EVERY_S)
        await asyncio.sleep(EXPIRE_EVERY_S)


async def _send_for_ever(post: sending.Post) -> None:
    """Messages to guests leave the outbox."""
    while True:
        try:
            while await sending.run(post) == sending.AT_ONCE:
                pass
        except Exception:  # noqa: BLE001 - logged; what was not sent is sent by the next attempt
            _log.exception("messages could not be sent, next attempt in %.0f s", SEND_EVERY_S)
        await asyncio.sleep(SEND_EVERY_S)


async def _reconcile_for_ever(provider: Provider, clock: Clock) -> None:
    """A provider's bill of each day is fetched and compared once it is there."""
    while True:
        try:
            await reconcile_due(provider, clock)
        except Exception:  # noqa: BLE001 - logged; the bill is asked for again, for a week
            _log.exception("bills could not be compared, next attempt in %.0f s", RECONCILE_EVERY_S)
        await asyncio.sleep(RECONCILE_EVERY_S)


async def _serve_http(services: Services) -> None:
    http = services.settings.http
    app = create_app(services)
    config = uvicorn.Config(
        app,
        host=http.host,
        port=http.port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=http.certificate,
        ssl_keyfile=http.key,
    )
    server = _Server(config)
    scheme = "https" if http.certificate else "http"
    _log.info("serving; OpenAPI document at %s://%s:%d%s", scheme, http.host, http.port, OPENAPI)
    await server.serve()


class _Server(uvicorn.Server):
    """uvicorn raises the signal again after serving, which would end the process before the database is closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask for the end of serving, and nothing more."""
        loop = asyncio.get_running_loop()
        caught = (signal.SIGTERM, signal.SIGINT)
        for number in caught:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in caught:
                loop.remove_signal_handler(number)
