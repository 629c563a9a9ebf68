# SPDX-License-Identifier: Apache-2.0
"""Ingestion to PostgreSQL, acknowledged after commit, against asyncpg's COPY of the same rows.

A private cluster with fsync on. The product's ingestion takes messages as the broker gave them: unpacks, decodes,
verifies signatures and chains, stores, commits, and makes the acknowledgements. COPY writes the finished rows in the
same groups, one commit each, into a table with the same columns and indexes. Both in turn; a figure is the median of
the pairs' ratios.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from figures import Figure, progress
from servers import Postgres

from pistegate_cloud.authority.models import DeviceKey
from pistegate_cloud.clock import SystemClock
from pistegate_cloud.database import open_database
from pistegate_cloud.gates.models import Gate
from pistegate_cloud.ingest.service import Ingest
from pistegate_cloud.migrate import migrate
from pistegate_cloud.orders.models import Order, OrderLine
from pistegate_cloud.products.models import Product
from pistegate_cloud.settings import CardKeySettings, DatabaseSettings
from pistegate_cloud.sites.models import Area, Post, Site
from pistegate_cloud.tickets.models import Ticket
from pistegate_protocol.card_layout import AID
from pistegate_protocol.desfire.diversify import diversify
from pistegate_protocol.desfire.tmac import transaction_mac
from pistegate_protocol.enrolment import batch_message, public_bytes, sign
from pistegate_protocol.events import (
    EVENTS,
    Admitted,
    EpochOpened,
    Event,
    Outcome,
    OutcomeKind,
    Stream,
    admission_name,
    first_head,
    new_epoch,
    next_head,
)
from pistegate_protocol.messages import BATCH_EVENTS_MAX, DOWN, UP, Ack, SignedBatch
from pistegate_protocol.packing import pack
from pistegate_protocol.proofs import admission_input, lane_codes, proves
from pistegate_protocol.topics import Device, Role
from pistegate_protocol.usage import Usage, encode_counters

SITE = 1
GATES = 50
BATCH = 20  # events of one message
GROUPED = 40  # rounds in which every gate has a batch waiting, as under load
SINGLE = 200  # rounds of one batch alone, as on a quiet afternoon
WARM_UP = 5
TICKETS_PER_GATE = 200
LIMIT = 0.3
COLUMNS = ("site", "gate", "stream", "epoch", "seq", "head", "payload", "received_ms")
NOON_MS = 1_768_622_400_000
DAY = date(2026, 1, 17)
CHECKS = 2000
KEYS = CardKeySettings(
    system="42454e4348", **{name: f"{at:02x}" * 16 for at, name in enumerate(CardKeySettings.__struct_fields__[1:], 1)}
)
Row = tuple[Any, ...]


@dataclass
class Source:
    """One gate's ledger: admissions and outcomes of its tickets in turn, each naming the ticket's admission before.

    Every ticket is on a card of its own, which proves each of its rides.
    """

    number: int
    epoch: int = new_epoch(3, 0xC0FFEE)
    seq: int = 0
    head: bytes = b""
    named: dict[int, bytes] = field(default_factory=dict)
    rides: Counter[int] = field(default_factory=Counter)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        self.head = first_head(self.number, Stream.LEDGER, self.epoch)
        self.events = self._events()

    def _events(self) -> Iterator[Event]:
        yield EpochOpened(NOON_MS, 0, b"", "0.1.0")
        ride, seq = 0, 1
        while True:
            ticket = self.number * 1_000_000 + ride % TICKETS_PER_GATE
            at, seq = NOON_MS + ride * 500, seq + 1
            event = self._admitted(at, ticket)
            yield event
            self.named[ticket] = admission_name(self.number, self.epoch, seq)
            self.rides[ticket] += 1
            yield Outcome(at + 1500, self.epoch, seq, OutcomeKind.PASSED, 1, 0, self._proof(event, ticket))
            ride, seq = ride + 1, seq + 1

    def _admitted(self, at: int, ticket: int) -> Admitted:
        rides = self.rides[ticket]
        claim = ticket.to_bytes(8, "big")
        before, after = (encode_counters(Usage(claim=claim, used_total=used)) for used in (rides, rides + 1))
        return Admitted(
            at=at,
            ticket=ticket,
            medium=b"\x01" + _uid(ticket),
            claim=claim,
            n=1,
            charged=1,
            counters=after,
            prev=self.named.get(ticket, bytes(8)),
            before=before,
        )

    def _proof(self, event: Admitted, ticket: int) -> tuple[int, bytes]:
        """What the card answers to its commit."""
        key = diversify(bytes.fromhex(KEYS.transaction), _uid(ticket), AID, bytes.fromhex(KEYS.system))
        whole = admission_input(event, self.named[ticket], self.number)
        return self.rides[ticket], transaction_mac(key, _uid(ticket), self.rides[ticket], whole)

    def batch(self, events: int = BATCH) -> tuple[tuple[str, bytes], list[Row]]:
        """The next message, signed, and the rows that it becomes."""
        payloads = [EVENTS.encode(next(self.events)) for _ in range(events)]
        first, before = self.seq + 1, self.head
        heads = list(accumulate(payloads, next_head, initial=before))[1:]
        rows = [
            (SITE, self.number, int(Stream.LEDGER), self.epoch, first + at, head, payload, NOON_MS)
            for at, (head, payload) in enumerate(zip(heads, payloads, strict=True))
        ]
        self.seq, self.head = self.seq + events, heads[-1]
        device = Device(SITE, Role.GATE, self.number)
        signature = sign(self.key, batch_message(device, Stream.LEDGER, self.epoch, first, self.head))
        message = SignedBatch(self.number, Stream.LEDGER, self.epoch, first, before, payloads, signature)
        return (device.up, pack(UP.encode(message))), rows


def _uid(ticket: int) -> bytes:
    return b"\x04" + ticket.to_bytes(6, "big")


def measure() -> list[Figure]:
    """Both, in turn; then the stored events are applied, every card's proof checked and counted."""
    try:
        server = Postgres(durable=True)
    except pytest.skip.Exception as error:
        raise SystemExit(f"the ingestion benchmark needs PostgreSQL's server programs: {error}") from error
    with server:
        return asyncio.run(_measure(server.create_database()))


async def _measure(dsn: str) -> list[Figure]:
    settings = DatabaseSettings(dsn)
    await migrate(settings)
    plain = await asyncpg.connect(dsn)
    await plain.execute("CREATE TABLE copied (LIKE raw_event INCLUDING ALL)")
    try:
        async with open_database(settings) as connection:
            ingest = Ingest(connection, SystemClock(), lambda device, response: None, KEYS)
            sources = [Source(number) for number in range(1, GATES + 1)]
            await _site(sources)
            grouped = [await _pair(ingest, plain, sources, at) for at in range(WARM_UP + GROUPED)][WARM_UP:]
            single = [await _pair(ingest, plain, [sources[at % GATES]], WARM_UP + GROUPED + at) for at in range(SINGLE)]
            stored = (WARM_UP + GROUPED) * GATES * BATCH + SINGLE * BATCH
            assert await plain.fetchval("SELECT count(*) FROM raw_event") == stored
            assert await plain.fetchval("SELECT count(*) FROM copied") == stored
            began = perf_counter()
            applied = await ingest.apply_pending()
            seconds = perf_counter() - began
            assert applied == stored
            shown = await plain.fetchval("SELECT count(*) FROM exception_case")
            assert shown == 0, f"{shown} exceptions: the events are not lifelike"
            verified = await plain.fetchval("SELECT count(*) FROM card_proof WHERE state = 'verified'")
            assert verified == sum(sum(source.rides.values()) for source in sources)
    finally:
        await plain.close()
    return [
        *_figures(f"groups of {GATES} batches", grouped, GATES * BATCH, LIMIT),
        *_figures("one batch alone", single, BATCH, None),
        Figure("ingest: applied", applied / seconds, "events/s", note=f"{applied} events to admissions, one process"),
        Figure("batch: payload bytes per event", _bytes_per_event(), "B", 80, "at most", note=_FULL),
        Figure("ingest: check of one card's proof", _check_us(sources[0]), "us", note="input and MAC"),
    ]


_FULL = f"{BATCH_EVENTS_MAX} events: admissions and outcomes of cards in turn, packed, the signature's share included"


def _bytes_per_event() -> float:
    """Of a full batch, as a backlog is sent."""
    source = Source(GATES + 1)
    source.batch(BATCH_EVENTS_MAX)
    (_, message), _ = source.batch(BATCH_EVENTS_MAX)
    return len(message) / BATCH_EVENTS_MAX


def _check_us(source: Source) -> float:
    """What verifying one proof takes, its card's key derived before, as for a card in use."""
    event = source._admitted(NOON_MS, source.number * 1_000_000)
    name, key = bytes(8), bytes(16)
    began = perf_counter()
    for counter in range(1, CHECKS + 1):
        inputs = [admission_input(event, name, code) for code in lane_codes(SITE, source.number)[:1]]
        proves(key, event.medium[1:], (counter, bytes(8)), inputs)
    return (perf_counter() - began) / CHECKS * 1e6


async def _pair(ingest: Ingest, plain: Any, sources: list[Source], done: int) -> tuple[float, float]:
    """Seconds of ingestion and of COPY for one batch of each of `sources`."""
    prepared = [source.batch() for source in sources]
    messages = [message for message, _ in prepared]
    rows = [row for _, batch in prepared for row in batch]
    began = perf_counter()
    answers = await ingest.receive(messages)
    stored = perf_counter()
    await plain.copy_records_to_table("copied", records=rows, columns=COLUMNS)
    copied = perf_counter()
    acknowledged = [DOWN.decode(payload) for _, payload in answers]
    assert sorted(ack.head for ack in acknowledged if isinstance(ack, Ack)) == sorted(s.head for s in sources)
    progress(done + 1, WARM_UP + GROUPED + SINGLE)
    return stored - began, copied - stored


def _figures(what: str, pairs: list[tuple[float, float]], events: int, limit: float | None) -> list[Figure]:
    ratio = median(copied / stored for stored, copied in pairs)
    rates = [events / median(seconds) for seconds in zip(*pairs, strict=True)]
    how = f"{what} of {BATCH} events, {events} rows a commit, fsync on; median of {len(pairs)} pairs"
    return [
        Figure(f"ingest: {what}, stored and acknowledged / COPY", ratio, "x", limit, "at least", how),
        Figure(f"ingest: {what}, stored and acknowledged", rates[0], "events/s"),
        Figure(f"ingest: {what}, asyncpg COPY of the same rows", rates[1], "events/s"),
    ]


async def _site(sources: list[Source]) -> None:
    """A site with its enrolled gates, and a ticket for everybody who will pass."""
    site = await Site.create(number=SITE, group_number=1, name="Bench", zone="Asia/Shanghai")
    area = await Area.create(site=site, number=0, name="Area")
    post = await Post.create(site=site, area=area, number=1, name="Post")
    await Gate.bulk_create([Gate(site=site, post=post, number=n, name=f"Lane {n}") for n in range(1, GATES + 1)])
    await DeviceKey.bulk_create(
        [
            DeviceKey(
                site=site, role="gate", number=s.number, public=public_bytes(s.key.public_key()).hex(), enrolled_ms=0
            )
            for s in sources
        ]
    )
    terms = {"price": 100, "currency": "CNY", "areas": [0], "holder": "adult", "party": 1, "days": 1}
    product = await Product.create(site=site, number=1, code="DAY", name={"en": "Day", "zh-CN": "日"}, **terms)
    order = await Order.create(
        id=uuid4(),
        site=site,
        channel="window",
        status="paid",
        total=100,
        currency="CNY",
        created_ms=NOON_MS,
        day=DAY,
    )
    line = await OrderLine.create(
        site=site, order=order, product=product, quantity=1, visit_date=DAY, unit_price=100, amount=100
    )
    common = {"site": site, "order": order, "line": line, "product": product, "status": "issued"}
    dates = {"valid_from": DAY, "valid_until": DAY, "created_ms": NOON_MS}
    numbers = [gate * 1_000_000 + n for gate in range(1, GATES + 1) for n in range(TICKETS_PER_GATE)]
    await Ticket.bulk_create([Ticket(number=number, **common, **dates) for number in numbers], batch_size=1000)
