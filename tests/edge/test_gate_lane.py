# SPDX-License-Identifier: Apache-2.0
"""A whole gate and its lane beyond tickets: key switch, staff card, fire; on a simulated reader and mock pins."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import GREEN, UNLOCK, Bench, claim, running_gate, ski_card, usage_of, wait_for
from journal_reading import admissions, events, incidents

from pistegate_protocol.claims import HolderClass
from pistegate_protocol.events import Override, OverrideKind, Stream
from pistegate_simulators.reader import SimulatedReader

KEY_FREE, FIRE = 20, 19
LANE = {
    "profile": "tripod_pulse",
    "board": "pi4",
    "directions": ["entry"],
    "unwired": ["not_ready", "alarm", "key_one", "key_out", "reset"],
    "times": {"pulse_ms": 100, "timeout_ms": 400},
}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def overrides(bench: Bench) -> list[tuple[OverrideKind, int, int]]:
    """What the ledger holds of people without tickets."""
    found = [event for event in events(bench.directory, Stream.LEDGER) if isinstance(event, Override)]
    return [(event.kind, event.entries, event.exits) for event in found]


def fire_loop_closed(bench: Bench) -> None:
    """The building is not on fire."""
    bench.pins.pin(FIRE).drive_low()
    wait_for(bench.in_service)


def test_key_frees_the_way_and_everybody_is_counted(tmp_path: Path, reader: SimulatedReader) -> None:
    """The unlock line stays on, arms turn, no card is charged; the key turned back, the gate goes on."""
    card = ski_card()
    with running_gate(tmp_path, reader, wait=False, lane=LANE) as bench:
        fire_loop_closed(bench)
        bench.pins.pin(KEY_FREE).drive_low()
        wait_for(lambda: bench.level(UNLOCK))
        assert bench.gate._passage.service() == "override: free"
        reader.present(card)
        for person in (1, 2):
            bench.turn()
            wait_for(lambda n=person: len(overrides(bench)) == 1 + n)
            time.sleep(0.15)  # two persons are never closer
        reader.remove(card)
        assert bench.level(GREEN)
        bench.pins.pin(KEY_FREE).drive_high()
        wait_for(bench.in_service)
        wait_for(lambda: not bench.level(UNLOCK))
    free = OverrideKind.FREE
    assert overrides(bench) == [(free, 0, 0), (free, 1, 0), (free, 1, 0)]
    assert admissions(bench.directory) == []
    assert usage_of(card).used_total == 0


def test_staff_card_opens_for_one_and_is_not_charged(tmp_path: Path, reader: SimulatedReader) -> None:
    """Held shortly: one pulse, one person, on the card's word."""
    card = ski_card(2, claim(ticket=77, holder=HolderClass.STAFF))
    with running_gate(tmp_path, reader, wait=False, lane=LANE, override={"staff_cards": True}) as bench:
        fire_loop_closed(bench)
        reader.present(card)
        wait_for(lambda: overrides(bench))
        wait_for(lambda: bench.level(UNLOCK))
        reader.remove(card)
        bench.turn()
        wait_for(lambda: len(overrides(bench)) == 2)
        wait_for(bench.in_service)
    found = [event for event in events(bench.directory, Stream.LEDGER) if isinstance(event, Override)]
    assert [(event.kind, event.entries, event.ticket) for event in found] == [
        (OverrideKind.GROUP, 0, 77),
        (OverrideKind.GROUP, 1, 77),
    ]
    assert usage_of(card).used_total == 0


def test_fire_frees_the_way_at_once_and_is_told(tmp_path: Path, reader: SimulatedReader) -> None:
    """Unlocked whatever is under way, no card is taken, people who walk out are counted; then all is as before."""
    card = ski_card()
    with running_gate(tmp_path, reader, wait=False, lane=LANE) as bench:
        fire_loop_closed(bench)
        bench.pins.pin(FIRE).drive_high()
        wait_for(lambda: bench.level(UNLOCK), 0.5)
        wait_for(lambda: "fire" in incidents(bench.directory))
        assert bench.gate._passage.service() == "out_of_service: lane"
        reader.present(card)
        bench.turn()
        wait_for(lambda: overrides(bench))
        reader.remove(card)
        fire_loop_closed(bench)
        wait_for(lambda: not bench.level(UNLOCK))
    assert overrides(bench) == [(OverrideKind.FREE, 1, 0)]
    assert admissions(bench.directory) == []
