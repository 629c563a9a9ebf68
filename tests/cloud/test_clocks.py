# SPDX-License-Identifier: Apache-2.0
"""The cloud tells devices the time, shows whose clock is in doubt, and dates anew what a wrong clock recorded."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from pistegate_cloud.clocks.models import ClockState as Row
from pistegate_cloud.products.models import Product
from pistegate_cloud.products.terms import Sold, claim_of
from pistegate_protocol.claims import Scope, Window, day_number
from pistegate_protocol.events import (
    Admitted,
    AdmittedV1,
    ClockState,
    Outcome,
    OutcomeKind,
    Override,
    OverrideKind,
    Refused,
    Stream,
)
from pistegate_protocol.messages import UP, TimeAsked, TimeTold
from pistegate_protocol.signing import KeyRing
from pistegate_protocol.time_marks import TimeMark, verify_time
from pistegate_protocol.usage import NO_ADMISSION, Usage, encode_counters

NOON_MS = 1768622400000  # 04:00 UTC, noon at the site
CARD = b"\x01" + bytes.fromhex("04a1b2c3d4e5f6")
HOUR = 3_600_000


def state(at: int, *, trusted: bool, reason: str, moved: int = 0) -> ClockState:
    return ClockState(at, trusted, reason, moved, b"", 0, None)


def ride(gate: Any, at: int, ticket: int = 42) -> int:
    """An admission and its outcome."""
    admitted = AdmittedV1(at, ticket, CARD, b"claimdig", 1, 1, bytes(15), NO_ADMISSION)
    seq = int(gate.add(admitted))
    gate.add(Outcome(at + 2000, gate.epoch, seq, OutcomeKind.PASSED, 1))
    return seq


async def applied(cloud: Any, gate: Any) -> None:
    """Everything of the gate's run."""
    await cloud.receive([gate.hello(), gate.batch(), gate.batch(stream=Stream.NOTES)])
    await cloud.services.ingest.apply_pending()


async def passages(cloud: Any) -> list[tuple[str, bool]]:
    return [(item["at"], item["clock_suspect"]) for item in (await cloud.get("/passages", site=1))["items"]]


async def test_device_that_asks_is_told_the_time(cloud: Any, new_gate: Any) -> None:
    """Signed with the documents' key, for this device and question."""
    gate = new_gate()
    asked = TimeAsked(gate.device.number, b"question")
    [(topic, told)] = await cloud.receive([(gate.device.up, UP.encode(asked))])
    assert topic == gate.device.down
    assert isinstance(told, TimeTold)
    key = cloud.services.settings.documents
    keys = KeyRing({key.key_id: key.load().public_key().public_bytes_raw()})
    assert verify_time(told, keys, 1) == TimeMark(1, gate.device.number, b"question", cloud.clock.now_ms)


async def test_device_that_is_not_registered_is_told_no_time(cloud: Any, new_gate: Any) -> None:
    """Nor is one that was taken out of use."""
    gate = new_gate(number=99)
    asked = UP.encode(TimeAsked(99, b"question"))
    assert await cloud.receive([(gate.device.up, asked)]) == []


async def test_passages_of_a_doubted_clock_are_marked(cloud: Any, new_gate: Any) -> None:
    """Those between the two states, and the gate's status says so."""
    gate = new_gate()
    gate.add(state(NOON_MS, trusted=True, reason="outside"))
    ride(gate, NOON_MS, 1)
    gate.add(state(NOON_MS, trusted=False, reason="jumped"))
    ride(gate, NOON_MS, 2)
    gate.add(state(NOON_MS, trusted=False, reason="jumped"), Stream.NOTES)
    gate.add(Refused(NOON_MS, "expired", None, None), Stream.NOTES)
    await applied(cloud, gate)
    assert [doubted for _, doubted in await passages(cloud)] == [False, True]
    gates = (await cloud.get("/gates", site=1))["items"]
    assert gates[0]["status"]["clock"] == "suspect: jumped"
    assert gates[1]["status"]["clock"] is None
    exceptions = (await cloud.get("/exceptions"))["items"]
    (found,) = [item for item in exceptions if item["kind"].startswith("clock")]
    assert found["kind"] == "clock_jumped"
    assert "put right as soon as the gate is connected" in found["sentence"]
    gate.add(state(NOON_MS, trusted=True, reason="signed"))
    ride(gate, NOON_MS, 3)
    await applied(cloud, gate)
    assert [doubted for _, doubted in await passages(cloud)] == [False, True, False]
    assert (await cloud.get("/gates", site=1))["items"][0]["status"]["clock"] == "trusted: signed"


@pytest.mark.parametrize("chunk", [1, 500])
async def test_doubt_in_which_nobody_passed_needs_no_person(
    cloud: Any, new_gate: Any, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """A gate that starts and hears the time seconds later; the one in which somebody passed is shown once."""
    monkeypatch.setattr("pistegate_cloud.ingest.applier.CHUNK", chunk)
    gate = new_gate()
    gate.add(state(NOON_MS, trusted=False, reason="never_synchronised"))
    gate.add(state(NOON_MS, trusted=True, reason="signed"))
    ride(gate, NOON_MS, 1)
    gate.add(state(NOON_MS, trusted=False, reason="jumped"))
    ride(gate, NOON_MS, 2)
    ride(gate, NOON_MS, 3)
    gate.add(state(NOON_MS, trusted=True, reason="system_off"))
    ride(gate, NOON_MS, 4)
    await applied(cloud, gate)
    assert sorted(kind for kind in await cloud.exceptions() if kind.startswith("clock")) == [
        "clock_jumped",
        "clock_system_off",
    ]


async def test_what_a_wrong_clock_recorded_is_dated_anew(cloud: Any, new_gate: Any) -> None:
    """Sixteen hours behind until the cloud told the time: day and hour are the true ones; what was trusted stays."""
    gate = new_gate()
    behind = 16 * HOUR
    gate.add(state(NOON_MS - behind, trusted=False, reason="ran_back"))
    ride(gate, NOON_MS - behind, 1)
    gate.add(Override(NOON_MS - behind, 1, OverrideKind.GROUP, 1, 0, None, None, "key switch"))
    gate.add(state(NOON_MS + HOUR, trusted=True, reason="signed", moved=behind))
    ride(gate, NOON_MS + HOUR, 2)
    await applied(cloud, gate)
    assert [at for at, _ in await passages(cloud)] == ["2026-01-17T04:00:00Z", "2026-01-17T05:00:00Z"]
    today = (await cloud.get("/passages", site=1, day="2026-01-17"))["items"]
    assert [item["ticket"] for item in today] == [1, 2]
    (override,) = (await cloud.get("/overrides", site=1, day="2026-01-17"))["items"]
    assert override["at"] == "2026-01-17T04:00:00Z"
    kinds = {item["kind"]: item["values"] for item in (await cloud.get("/exceptions"))["items"]}
    assert (kinds["clock_corrected"]["minutes"], kinds["clock_corrected"]["count"]) == (16 * 60, 1)


@pytest.mark.parametrize("chunk", [1, 2, 3, 500])
async def test_dating_anew_does_not_depend_on_how_events_come(
    cloud: Any, new_gate: Any, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """In one chunk or many, applied twice or not: each passage is moved once, by the last of two amounts alone."""
    monkeypatch.setattr("pistegate_cloud.ingest.applier.CHUNK", chunk)
    gate = new_gate()
    gate.add(state(NOON_MS - 5 * HOUR, trusted=False, reason="never_synchronised"))
    ride(gate, NOON_MS - 5 * HOUR, 1)
    gate.add(state(NOON_MS - 2 * HOUR, trusted=False, reason="ran_back", moved=2 * HOUR))
    ride(gate, NOON_MS - 2 * HOUR, 2)
    gate.add(state(NOON_MS, trusted=True, reason="signed", moved=2 * HOUR))
    for _ in range(2):
        await applied(cloud, gate)
    times = [at for at, _ in await passages(cloud)]
    assert times == ["2026-01-16T23:00:00Z", "2026-01-17T04:00:00Z"]
    assert await Row.all().count() == 3


async def test_small_correction_moves_nothing(cloud: Any, new_gate: Any) -> None:
    """Seconds."""
    gate = new_gate()
    gate.add(state(NOON_MS, trusted=False, reason="too_long"))
    ride(gate, NOON_MS, 1)
    gate.add(state(NOON_MS, trusted=True, reason="signed", moved=12_000))
    await applied(cloud, gate)
    assert [at for at, _ in await passages(cloud)] == ["2026-01-17T04:00:00Z"]


async def test_ride_after_midnight_counts_for_its_night(cloud: Any, new_gate: Any) -> None:
    """As the gate counted it: in reports of the day, and in the limit per day of the ticket."""
    gate = new_gate()
    half_past_midnight = NOON_MS + 12 * HOUR + HOUR // 2
    evening = day_number(date(2026, 1, 17))
    at = datetime.fromtimestamp(half_past_midnight / 1000, UTC)
    counted = [(1, evening), (2, evening + 1)]
    for ticket, day in counted:
        usage = Usage(claim=b"claimdig", day=day, used_total=1, used_on_day=1, last_entry=at)
        seq = gate.add(
            Admitted(half_past_midnight, ticket, b"\x00", b"claimdig", 1, 1, encode_counters(usage), NO_ADMISSION)
        )
        gate.add(Outcome(half_past_midnight, gate.epoch, seq, OutcomeKind.PASSED, 1))
    await applied(cloud, gate)
    for ticket, day in ((1, "2026-01-17"), (2, "2026-01-18")):
        items = (await cloud.get("/passages", site=1, day=day))["items"]
        assert [(item["ticket"], item["at"]) for item in items] == [(ticket, "2026-01-17T16:30:00Z")]


async def test_product_for_a_night_is_sold_with_its_night(cloud: Any) -> None:
    """From five in the afternoon to half past one; an end by noon, and no longer."""
    night = {"windows": [{"from": "17:00", "to": "01:30"}]}
    product = {"site": 1, "number": 9, "code": "NIGHT", "name": {"en": "Night", "zh-CN": "夜场"}, "price": 100}
    product |= {"currency": "CNY", "areas": [0], "holder": "adult", "terms": night}
    await cloud.post("/products", product)
    found = await Product.get(site_id=1, number=9)
    day = date(2026, 1, 17)
    redeemed = datetime(2026, 1, 17, tzinfo=UTC)
    sold = Sold(key_id=1, ticket=1, revision=0, scope=Scope(1), valid_from=day, valid_until=day, redeemed=redeemed)
    assert claim_of(found, sold).windows == (Window(17 * 60, 25 * 60 + 30),)
    late = product | {"number": 10, "code": "LATE", "terms": {"windows": [{"from": "17:00", "to": "16:00"}]}}
    answer = await cloud.http.post("/products", json=late)
    assert answer.json()["code"] == "terms_impossible"
