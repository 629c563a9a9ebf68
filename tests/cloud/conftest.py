# SPDX-License-Identifier: Apache-2.0
"""A cloud without a broker's wire: its API through ASGI, its devices played by the test, on both databases."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from card_stock import card_key_settings, stock_cards
from cloud_template import empty_cloud, empty_postgres
from fastapi import FastAPI

from pistegate_cloud.app import create_app
from pistegate_cloud.database import open_database
from pistegate_cloud.encoders.relay import Relay
from pistegate_cloud.errors import Problem
from pistegate_cloud.ingest.service import Ingest
from pistegate_cloud.mqtt.bridge import Bridge
from pistegate_cloud.services import Services
from pistegate_cloud.settings import DatabaseSettings, Settings, parse_settings
from pistegate_cloud.tokens.service import Scope
from pistegate_cloud.tokens.service import create as create_token
from pistegate_protocol.events import EVENTS, EpochOpened, Event, Stream, first_head, next_head
from pistegate_protocol.messages import DOWN, UP, Batch, Hello, RelayRequest, RelayResponse
from pistegate_protocol.topics import Device, Role
from pistegate_simulators.card import DesfireCard

SITE = 1
NOON_MS = 1768622400000  # 2026-01-17 12:00 in Shanghai
DAY = "2026-01-17"


@dataclass
class FakeClock:
    """A clock that the test moves."""

    now_ms: int = NOON_MS
    seconds: float = 0.0

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic(self) -> float:
        return self.seconds


class Wire(Bridge):
    """The bridge's interface without a broker: remembers what is sent, and lets fake encoders answer."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.broker)
        self.connected = True
        self.reachable = True
        self.sent: list[tuple[str, bytes]] = []
        self.listeners: dict[str, Callable[[bytes], None]] = {}

    async def send(self, topic: str, payload: bytes) -> None:
        if not self.reachable:
            raise Problem("broker_unreachable")
        self.sent.append((topic, payload))
        if topic in self.listeners:
            self.listeners[topic](payload)

    def down(self, topic: str) -> list[Any]:
        """Messages sent on a topic, decoded."""
        return [DOWN.decode(payload) for sent, payload in self.sent if sent == topic]


@dataclass
class FakeEncoder:
    """An encoder that speaks to a simulated card; `deaf`: it never answers.

    `cut_after` exchanges the card is gone: before it heard the next command, or, `cut_unheard`, after it has done it
    and before its answer was heard. While `holding`, requests wait in `held` until `resume`. `exchanges` counts.
    """

    relay: Relay
    device: Device
    card: DesfireCard | None = None
    cut_after: int | None = None
    cut_unheard: bool = False
    exchanges: int = 0
    deaf: bool = False
    holding: bool = False
    requests: list[RelayRequest] = field(default_factory=list)
    held: list[bytes] = field(default_factory=list)

    def resume(self) -> None:
        """Answer what waited, and everything from now on."""
        self.holding = False
        while self.held:
            self.on_message(self.held.pop(0))

    def on_message(self, payload: bytes) -> None:
        if self.holding:
            self.held.append(payload)
            return
        request = DOWN.decode(payload)
        self.requests.append(request)
        if self.deaf:
            return
        if self.card is None:
            self._answer(request, b"", [], "no_card")
            return
        if request.number == 1:
            self.card.power_off()
            self.card.power_on()
        responses: list[bytes] = []
        for apdu in request.apdus:
            if self.cut_after == 0:
                if self.cut_unheard:
                    self.card.process(apdu)
                self.card.power_off()
                self._answer(request, self.card.uid, responses, "card_lost")
                return
            if self.cut_after is not None:
                self.cut_after -= 1
            self.exchanges += 1
            responses.append(self.card.process(apdu))
            if responses[-1][-2:] not in (b"\x91\x00", b"\x91\xaf"):
                break
        self._answer(request, self.card.uid, responses, "")

    def _answer(self, request: RelayRequest, uid: bytes, responses: list[bytes], error: Any) -> None:
        answer = RelayResponse(self.device.number, request.session, request.number, uid, responses, error)
        self.relay.deliver(self.device, UP.decode(UP.encode(answer)))


class FakeGate:
    """One run of a gate: chains events into batches as a gate does."""

    def __init__(self, number: int = 1, epoch: int = 5 << 32, previous: "FakeGate | None" = None) -> None:
        self.device = Device(SITE, Role.GATE, number)
        self.epoch = epoch
        self.payloads: dict[Stream, list[bytes]] = {stream: [] for stream in Stream}
        for stream in Stream:
            head = previous.head(stream) if previous else b""
            self.add(EpochOpened(NOON_MS, previous.epoch if previous else 0, head, "test"), stream)

    def add(self, event: Event, stream: Stream = Stream.LEDGER) -> int:
        """Append an event; its seq."""
        return self.add_raw(EVENTS.encode(event), stream)

    def add_raw(self, payload: bytes, stream: Stream = Stream.LEDGER) -> int:
        """Append any payload; its seq."""
        self.payloads[stream].append(payload)
        return len(self.payloads[stream])

    def head(self, stream: Stream = Stream.LEDGER, seq: int | None = None) -> bytes:
        """The chain's head after `seq` (None: at its end)."""
        head = first_head(self.device.number, stream, self.epoch)
        for payload in self.payloads[stream][:seq]:
            head = next_head(head, payload)
        return head

    def batch(self, first: int = 1, last: int | None = None, stream: Stream = Stream.LEDGER) -> tuple[str, bytes]:
        """The message with events first..last."""
        payloads = self.payloads[stream][first - 1 : last]
        message = Batch(self.device.number, stream, self.epoch, first, self.head(stream, first - 1), payloads)
        return self.device.up, UP.encode(message)

    def hello(self, documents: dict[str, int] | None = None, backlog: int = 0) -> tuple[str, bytes]:
        """Its Hello."""
        message = Hello(self.device.number, self.epoch, NOON_MS, "test 1", documents or {}, "in_service", backlog)
        return self.device.up, UP.encode(message)


@dataclass
class Cloud:
    """Everything a test needs of a running cloud."""

    services: Services
    clock: FakeClock
    wire: Wire
    http: httpx.AsyncClient

    async def get(self, path: str, **query: Any) -> Any:
        return self._json(await self.http.get(path, params=query))

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> Any:
        return self._json(await self.http.post(path, json=body, headers=headers))

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        return answer.json()

    async def token(self, *scopes: Scope, valid_days: int | None = None) -> dict[str, str]:
        """Headers of a fresh token."""
        made = await create_token("test", scopes, self.clock.now_ms, valid_days)
        return {"Authorization": f"Bearer {made.text}"}

    async def open_site(self) -> None:
        """Site 1 with two areas, a post in each, gates 1 to 3, two encoders, three products, and cards in stock."""
        await self.post("/sites", {"number": SITE, "group": 1, "name": "Snow Valley 雪谷", "zone": "Asia/Shanghai"})
        for area in (0, 1):
            await self.post("/areas", {"site": SITE, "number": area, "name": f"Area {area}"})
            await self.post("/posts", {"site": SITE, "number": area + 1, "area": area, "name": f"Post {area + 1}"})
        for gate, post in ((1, 1), (2, 1), (3, 2)):
            await self.post("/gates", {"site": SITE, "number": gate, "post": post, "name": f"Lane {gate}"})
        for encoder in (1, 2):
            await self.post("/encoders", {"site": SITE, "number": encoder, "name": f"Window {encoder}"})
        for product in PRODUCTS:
            await self.post("/products", product)
        await self.take_into_stock(*stock_cards())

    async def take_into_stock(self, *cards: DesfireCard) -> None:
        """Import cards that a vendor has personalised."""
        await self.post("/cards", {"site": SITE, "uids": [card.uid.hex() for card in cards]})

    async def sell(self, product: int = 1, quantity: int = 1, **headers: str) -> Any:
        """Sell for the first day; the order."""
        return await self.sell_on(DAY, product, quantity, **headers)

    async def sell_on(self, day: str, product: int = 1, quantity: int = 1, **headers: str) -> Any:
        """Sell for a day; the order."""
        lines = [{"product": product, "quantity": quantity, "visit_date": day}]
        payment = {"method": "cash", "tendered": 10_000_000, "currency": "CNY"}
        return await self.post(
            "/orders", {"site": SITE, "channel": "window", "lines": lines, "payment": payment}, **headers
        )

    def encoder(self, number: int = 1, site: int = SITE) -> FakeEncoder:
        """A fake encoder, connected."""
        device = Device(site, Role.ENCODER, number)
        encoder = FakeEncoder(self.services.relay, device)
        self.wire.listeners[device.down] = encoder.on_message
        return encoder

    async def receive(self, messages: Iterable[tuple[str, bytes]]) -> list[tuple[str, Any]]:
        """What the cloud answers to messages of devices, decoded."""
        answers = await self.services.ingest.receive(list(messages))
        return [(topic, DOWN.decode(payload)) for topic, payload in answers]

    async def exceptions(self) -> list[str]:
        """Kinds of all exceptions."""
        return [item["kind"] for item in (await self.get("/exceptions"))["items"]]


PRODUCTS: list[dict[str, Any]] = [
    {"site": SITE, "number": 1, "code": "DAY", "name": {"en": "Day", "zh-CN": "全日票"}, "price": 29800}
    | {"currency": "CNY", "areas": [0, 1], "holder": "adult", "reentry_s": 600},
    {"site": SITE, "number": 2, "code": "ONE", "name": {"en": "One ride", "zh-CN": "单次票"}, "price": 4000}
    | {"currency": "CNY", "areas": [0], "holder": "adult", "entries_total": 1},
    {"site": SITE, "number": 3, "code": "PARTY", "name": {"en": "Family", "zh-CN": "家庭票"}, "price": 60000}
    | {"currency": "CNY", "areas": [0], "holder": "adult", "party": 3, "entries_per_day": 2, "days": 2},
]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite://{tmp_path / 'cloud.sqlite3'}"
    return str(request.getfixturevalue("postgres_dsn"))


def _prepare_in_thread(url: str) -> None:
    """Migrate and open a site; session fixtures may be asked for while a test's event loop runs in this thread."""

    async def prepare() -> None:
        settings = DatabaseSettings(url)
        if settings.is_sqlite:
            empty_cloud(settings.sqlite_path)
        else:
            empty_postgres(url)
        async with _running(_settings(url)) as cloud:
            await cloud.open_site()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, prepare()).result()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with an open site to copy: preparing it takes seconds, copying does not."""
    path = tmp_path_factory.mktemp("template") / "cloud.sqlite3"
    _prepare_in_thread(f"sqlite://{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Any) -> str:
    """As `sqlite_template`: the address of a template."""
    dsn = str(postgres_server.create_database())
    _prepare_in_thread(dsn)
    return dsn


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def site_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A fresh database of each kind with an open site."""
    if request.param == "sqlite":
        copy = tmp_path / "cloud.sqlite3"
        shutil.copy(request.getfixturevalue("sqlite_template"), copy)
        yield f"sqlite://{copy}"
        return
    template = str(request.getfixturevalue("postgres_template"))
    server, _, name = template.rpartition("/")
    copied = f"cloud_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(f"{server}/postgres")
    # Files are copied in half the processor time of the default, which writes each page to the log.
    strategy = "STRATEGY file_copy" if admin.get_server_version().major >= 15 else ""
    await admin.execute(f"CREATE DATABASE {copied} TEMPLATE {name} {strategy}")
    yield f"{server}/{copied}"
    await admin.execute(f"DROP DATABASE {copied} WITH (FORCE)")
    await admin.close()


def _settings(url: str) -> Settings:
    raw = {
        "database": {"url": url},
        "issuer": {"key_id": 1, "private_key": "01" * 32},
        "documents": {"key_id": 2, "private_key": "02" * 32},
        "card_keys": card_key_settings(),
        "bindings": {"salt": "05" * 16, "master": "06" * 32, "numbers": "07" * 32},
        "enrolment": {"unsigned": True},
        "staff": {"argon2_memory_kib": 8, "argon2_passes": 1, "argon2_lanes": 1},  # a hash in a millisecond
    }
    return parse_settings(raw, "test")


@pytest.fixture
def settings(site_url: str) -> Settings:
    """A whole configuration, for each kind of database."""
    return _settings(site_url)


@pytest.fixture
def sqlite_settings(sqlite_template: Path, tmp_path: Path) -> Settings:
    """As `settings`, for what does not depend on the database."""
    copy = tmp_path / "cloud.sqlite3"
    shutil.copy(sqlite_template, copy)
    return _settings(f"sqlite://{copy}")


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[Cloud]:
    clock, wire = FakeClock(), Wire(settings)
    async with open_database(settings.database) as connection:
        relay = Relay(wire.send)
        ingest = Ingest(
            connection,
            clock,
            relay.deliver,
            settings.card_keys,
            unsigned=settings.enrolment.unsigned,
            time_key=settings.documents,
        )
        services = Services(settings, clock, connection, wire, relay, ingest)
        with _app_of(services) as app:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://cloud/api/v1") as http:
                cloud = Cloud(services, clock, wire, http)
                http.headers.update(await cloud.token(*Scope))
                yield cloud


_idle_apps: list[FastAPI] = []


@contextmanager
def _app_of(services: Services) -> Iterator[FastAPI]:
    """An application, used again: FastAPI makes its routes ready at their first request, half a second in each test."""
    app = _idle_apps.pop() if _idle_apps else create_app()
    app.state.services = services
    try:
        yield app
    finally:
        app.state.services = None
        _idle_apps.append(app)


@pytest.fixture
async def cloud(settings: Settings) -> AsyncIterator[Cloud]:
    """A cloud with an open site and a token that may do everything."""
    async with _running(settings) as cloud:
        yield cloud


@pytest.fixture
async def sqlite_cloud(sqlite_settings: Settings) -> AsyncIterator[Cloud]:
    """As `cloud`, for what does not depend on the database."""
    async with _running(sqlite_settings) as cloud:
        yield cloud


@pytest.fixture
def restarted() -> Callable[[Cloud], AbstractAsyncContextManager[Cloud]]:
    """A new process over the database of a cloud: nothing that the old one had in memory is left."""
    return lambda cloud: _running(cloud.services.settings)


@pytest.fixture
def running_cloud() -> Callable[[Settings], AbstractAsyncContextManager[Cloud]]:
    """A cloud of these settings, for as long as the test wants it."""
    return _running


@pytest.fixture
def new_card() -> Callable[[], DesfireCard]:
    """Gives personalised cards of the site's stock, one after another."""
    cards = iter(stock_cards())
    return lambda: next(cards)


@pytest.fixture
def new_gate() -> type[FakeGate]:
    """Makes runs of gates."""
    return FakeGate
