# SPDX-License-Identifier: Apache-2.0
"""What applying finds of tickets, against the same worked out from all their rides.

The applier asks only for what a chunk may have changed. Here hypothesis draws rides of cards and codes at gates of a
group, how they ended and what cards told later, in any order of upload and cut into any chunks; after each of them the
plain computation, over every admission of the chunk's tickets, must say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tortoise.transactions import in_transaction

from pistegate_cloud.ingest.effects.admissions import Admissions
from pistegate_cloud.ingest.effects.base import Found, Place
from pistegate_cloud.passages import queries
from pistegate_cloud.passages.models import Admission
from pistegate_cloud.passages.queries import Taken
from pistegate_cloud.passages.rules import counts, overuse, settlement, twins
from pistegate_cloud.sites.models import Site
from pistegate_cloud.tickets.models import Ticket
from pistegate_protocol.events import Admitted, Outcome, OutcomeKind, Settled, admission_name

NOON_MS = 1768622400000
HALF_DAY_MS = 43_200_000
ZONE = ZoneInfo("Asia/Shanghai")
GROUP = 1
PLACES = [
    Place(1, 1, 1, 0, ZONE, GROUP),
    Place(1, 2, 1, 0, ZONE, GROUP),
    Place(2, 1, 1, 0, ZONE, GROUP),
    Place(3, 1, 1, 0, ZONE, 2),  # a site of somebody else
]
MEDIA = [b"\x01\x04\x01", b"\x01\x04\x02", b"\x00\x51"]  # two cards and a code
SOLD = {"unlimited": {}, "total": {"entries_total": 3}, "daily": {"entries_per_day": 2}}
Event = Admitted | Outcome | Settled


@dataclass(frozen=True)
class Ride:
    """`after`: which of the earlier rides its medium named, None: none. `told`: what the card said later."""

    ticket: int
    place: int
    medium: int
    claim: int
    after: int | None
    at: int
    charged: int
    end: OutcomeKind | None
    told: bool | None


_ENDS = [OutcomeKind.PASSED, OutcomeKind.CARD_VOID, OutcomeKind.CARD_UNCONFIRMED, OutcomeKind.INTERRUPTED]
# Most are of one ticket, on one card: what matters is between them.
rides = st.builds(
    Ride,
    ticket=st.sampled_from([0, 0, 0, 0, 1]),
    place=st.sampled_from([0, 1, 2, 3]),
    medium=st.sampled_from([0, 0, 0, 0, 1, 2]),
    claim=st.sampled_from([0, 0, 0, 0, 1]),
    after=st.sampled_from([None, 0, 0, 1, 2]),
    at=st.integers(0, 5),
    charged=st.sampled_from([1, 1, 2, 0]),
    end=st.sampled_from([*_ENDS, *_ENDS, OutcomeKind.NOT_PASSED, None]),
    told=st.sampled_from([None, None, None, True, False]),
)
lives = st.tuples(st.integers(0, 4), st.lists(rides, min_size=5, max_size=14))  # the ticket's kind
chunks = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5)), max_size=12)


@dataclass
class Mountain:
    """Gates of three sites; `run` counts examples, so that each has tickets, media and epochs of its own."""

    sold: dict[str, Ticket]
    run: int = 0
    waiting: list[list[tuple[int, Event]]] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)

    @property
    def epoch(self) -> int:
        """Of all gates."""
        return (5 + self.run) << 32

    async def live(self, kind: int, lived: list[Ride]) -> None:
        """What gates have to tell of these rides, each in its order: admissions, ends, what cards told."""
        self.run += 1
        self.seen = set()
        tickets = [self.run * 100 + number for number in range(5)]
        kinds = dict(zip(tickets, ["unknown", "local", "unlimited", "total", "daily"], strict=True))
        await Ticket.bulk_create(
            [_like(self.sold[sold], number) for number, sold in kinds.items() if sold in self.sold]
        )
        self.waiting = [[] for _ in PLACES]
        names: list[bytes] = []
        for ride in lived:
            queue = self.waiting[ride.place]
            seq = 2 + len(queue)
            before = names[-1 - ride.after] if ride.after is not None and ride.after < len(names) else bytes(8)
            names.append(admission_name(PLACES[ride.place].gate, self.epoch, seq))
            queue.append((seq, self._admitted(ride, tickets[(kind + ride.ticket) % 5], before)))
            if ride.end is not None:
                queue.append((seq + 1, Outcome(NOON_MS, self.epoch, seq, ride.end, 0)))
            if ride.told is not None:
                queue.append((2 + len(queue), Settled(NOON_MS, self.epoch, seq, ride.told)))

    def _admitted(self, ride: Ride, ticket: int, before: bytes) -> Admitted:
        medium = MEDIA[ride.medium] + self.run.to_bytes(5, "big")
        claim = bytes([ride.claim] * 8)
        at = NOON_MS + ride.at * HALF_DAY_MS
        return Admitted(at, ticket, medium, claim, 3, ride.charged, bytes(16), before)

    def told(self, order: list[tuple[int, int]]) -> Iterator[tuple[Place, list[tuple[int, Event]]]]:
        """Chunks as they come: those drawn, then what is left."""
        for place, size in [*order, *((place, 1000) for place in range(len(PLACES)))]:
            chunk, self.waiting[place] = self.waiting[place][:size], self.waiting[place][size:]
            if chunk:
                yield PLACES[place], chunk

    async def apply(self, place: Place, chunk: list[tuple[int, Event]]) -> None:
        """Apply a chunk, and compare."""
        admissions = Admissions(place, self.epoch, [])
        await admissions.load({(event.epoch, event.seq) for _, event in chunk if not isinstance(event, Admitted)})
        for seq, event in chunk:
            _read(admissions, seq, event)
        async with in_transaction():
            tickets = await admissions.save()
            rows = await _all_of(place.group, tickets)
            wanted = await _worked_out(place, rows)
            found = await admissions.about_tickets(tickets)
        stored = {row.id: row.settled for row in await _all_of(place.group, tickets)}
        assert stored == {row.id: row.settled for row in rows}
        self._compare(found, wanted)

    def _compare(self, found: list[Found], wanted: list[Found]) -> None:
        """The same; only cards turned back, once found, are not found again by each later ride of their ticket."""
        new, old = _recorded(found), _recorded(wanted)
        again = {key for key in self.seen if key[0] == "turned_back"}
        assert {key: new[key] for key in new.keys() - again} == {key: old[key] for key in old.keys() - again}
        assert new.keys() <= old.keys()
        self.seen |= old.keys()


def _like(sold: Ticket, number: int) -> Ticket:
    names = ("site_id", "order_id", "line_id", "product_id", "status", "valid_from", "valid_until", "created_ms")
    return Ticket(number=number, **{name: getattr(sold, name) for name in names})


def _read(admissions: Admissions, seq: int, event: Event) -> None:
    if isinstance(event, Admitted):
        admissions.begin(seq, event)
        return
    row = admissions.find((event.epoch, event.seq))
    assert row is not None
    if isinstance(event, Outcome):
        admissions.end(row, seq, event)
    else:
        admissions.settle(row, seq, event)


def _recorded(found: list[Found]) -> dict[tuple[str, str], Found]:
    """As exceptions are recorded: the last of each kind and key."""
    return {(each.kind, str(each.key)): each for each in found}


async def _all_of(group: int, tickets: set[int]) -> list[Taken]:
    """All admissions of some tickets, at any site of a group."""
    here = await Site.filter(group_number=group).values_list("number", flat=True)
    rows = Admission.filter(site_id__in=list(here), ticket__in=tickets).order_by("at_ms", "id")
    return [Taken(*row) for row in await rows.values_list(*queries._TAKEN)]


async def _worked_out(place: Place, rows: list[Taken]) -> list[Found]:
    """What is to be found, from all rides; settles them in memory."""
    by_ticket: dict[int, list[Taken]] = {}
    for row in rows:
        by_ticket.setdefault(row.ticket, []).append(row)
    for group in by_ticket.values():
        for row in group:
            row.settled = settlement(row, group) or row.settled
    allowances = await queries.allowances(place.site, place.group, by_ticket)
    found = []
    for ticket, group in by_ticket.items():
        allowance = allowances.get(ticket)
        if allowance is None:
            found.append(_of("unknown_ticket", group[-1], {}))
        elif limit := overuse([(row.day, row.charged) for row in group if counts(row)], allowance):
            found.append(_of("double_admission", group[-1], {"limit": limit}))
        found += [_of("turned_back", later, {"other": first.gate}) for first, later in twins(group)]
    return found


def _of(kind: str, row: Taken, values: dict[str, Any]) -> Found:
    return Found(kind, row.seq, values | {"ticket": row.ticket}, row.ticket, f"{row.site_id}/{row.ticket}")


@pytest.fixture
async def mountain(cloud: Any) -> Mountain:
    """Site 2 belongs to the group of site 1, site 3 to another; a ticket of each kind is sold."""
    for number, group in ((2, GROUP), (3, 2)):
        await cloud.post("/sites", {"number": number, "group": group, "name": "Sister", "zone": "Asia/Shanghai"})
    sold = {"local": await _sold(cloud, 2)}
    for number, (kind, terms) in enumerate(SOLD.items(), start=20):
        product = {"site": 1, "number": number, "code": kind.upper(), "name": {"en": kind, "zh-CN": kind}, "price": 1}
        more = {"currency": "CNY", "areas": [0], "holder": "adult", "scope": "group"}
        await cloud.post("/products", product | more | terms)
        sold[kind] = await _sold(cloud, number)
    return Mountain(sold)


async def _sold(cloud: Any, product: int) -> Ticket:
    return await Ticket.get(number=(await cloud.sell(product))["tickets"][0]["number"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives, order=chunks)
async def test_any_rides_in_any_chunks(
    mountain: Mountain, life: tuple[int, list[Ride]], order: list[tuple[int, int]]
) -> None:
    """Settled alike, found alike."""
    await mountain.live(*life)
    for place, chunk in mountain.told(order):
        await mountain.apply(place, chunk)
