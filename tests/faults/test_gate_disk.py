# SPDX-License-Identifier: Apache-2.0
"""Bad input: a full disk, on a real small file system."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import RED, Bench, running_gate, ski_card, wait_for
from journal_reading import admissions, incidents, outcomes
from skips import missing_system

from pistegate_edge.errors import JournalFull
from pistegate_edge.journal.reserve import Reserve
from pistegate_edge.recorder import PROBE_S
from pistegate_protocol.events import OutcomeKind
from pistegate_simulators.reader import SimulatedReader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    if os.geteuid() != 0:
        missing_system("root, to mount a small file system")
    where = tmp_path / "disk"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", where], check=True)
    yield where
    subprocess.run(["umount", where], check=True)


def fill(disk: Path) -> Path:
    """Take every free block."""
    filler = disk / f"filler{len(list(disk.glob('filler*')))}"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def test_full_disk_records_the_last_outcome_then_shuts_until_there_is_room(
    small_disk: Path, reader: SimulatedReader
) -> None:
    """The passage under way is not lost, no further lane opens, and the gate recovers by itself."""
    with running_gate(small_disk, reader) as bench:
        first = ski_card(1)
        reader.present(first)
        wait_for(lambda: bench.state() == "open")
        reader.remove(first)
        filler = fill(small_disk)
        bench.turn()
        wait_for(lambda: outcomes(small_disk))
        wait_for(lambda: bench.gate._passage.service() == "out_of_service: disk")
        assert not bench.gate._journal.reserve.held  # it was given up for this outcome
        wait_for(lambda: bench.level(RED))
        opened = bench.unlocks()
        third = ski_card(3)
        reader.present(third)
        time.sleep(0.5)
        assert bench.unlocks() == opened
        reader.remove(third)
        filler.unlink()
        wait_for(bench.in_service)
        time.sleep(0.6)
        reader.present(third)
        wait_for(lambda: bench.state() == "open")
        reader.remove(third)
        bench.turn()
        wait_for(lambda: bench.state() == "idle")
    ended = outcomes(small_disk)
    assert len(ended) == len(admissions(small_disk))
    assert {outcome.kind for outcome in ended} == {OutcomeKind.PASSED}
    assert "disk_full" in incidents(small_disk)


def test_disk_that_is_full_before_an_admission_keeps_the_lane_shut_until_there_is_room(
    small_disk: Path, reader: SimulatedReader
) -> None:
    """The reserve is for the outcome of an opening: no lane opens on it, and the gate does not flap."""
    with running_gate(small_disk, reader) as bench:
        for number in range(1, 10):  # a few still fit into blocks that the log has
            fill(small_disk)
            card = ski_card(number)
            reader.present(card)
            if wait_for(lambda: full(bench) or bench.state() == "open") and full(bench):
                break
            reader.remove(card)
            bench.turn()
            wait_for(lambda: full(bench) or bench.state() == "idle")
            time.sleep(0.6)  # the card has left
        opened = bench.unlocks()
        until = time.monotonic() + 2.5 * PROBE_S
        while time.monotonic() < until:
            assert full(bench)
            time.sleep(0.05)
        assert bench.unlocks() == opened
        for filler in small_disk.glob("filler*"):
            filler.unlink()
        wait_for(bench.in_service)
    assert len(outcomes(small_disk)) == len(admissions(small_disk))


def full(bench: Bench) -> bool:
    """Out of service for want of room."""
    return bench.gate._passage.service() == "out_of_service: disk"


def test_start_on_a_full_disk_says_so(small_disk: Path, reader: SimulatedReader) -> None:
    """No room for a first journal is told, and leaves nothing half made behind."""
    filler = fill(small_disk)
    with pytest.raises(JournalFull, match="room"), running_gate(small_disk, reader):
        pass
    filler.unlink()
    with running_gate(small_disk, reader):
        pass


def test_restart_on_a_full_disk_is_out_of_service_until_there_is_room(
    small_disk: Path, reader: SimulatedReader
) -> None:
    """The reserve gives room for the new epoch; no crash loop, no lane opened, service by itself when there is room."""
    with running_gate(small_disk, reader):
        pass
    filler = fill(small_disk)
    with running_gate(small_disk, reader, wait=False) as bench:
        wait_for(lambda: bench.gate._passage.service() == "out_of_service: disk")
        reader.present(ski_card(1))
        time.sleep(0.3)
        assert bench.unlocks() == 0
        filler.unlink()
        wait_for(bench.in_service)


def test_reserve_is_real_blocks(small_disk: Path) -> None:
    """A sparse file would promise room that is not there."""
    reserve = Reserve(small_disk, 256 * 1024)
    assert reserve.take()
    fill(small_disk)
    reserve.give_up()
    assert os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize >= 256 * 1024
    (small_disk / "other").write_bytes(bytes(200 * 1024))
    assert not reserve.take()
    assert not (small_disk / "reserve").exists()
