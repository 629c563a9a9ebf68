# SPDX-License-Identifier: Apache-2.0
"""A gate with 10,000 events and a bad line: 200 ms one way, one packet in twenty lost, each way.

Real processes: the gate at one end; Mosquitto and the cloud, on SQLite, at the other. The line's losses come from a
seed. TCP's congestion control is pinned, for it decides more than anything else; the machine's own is shown beside it.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from far_cloud import far_cloud, near_gate
from figures import Figure, progress
from gate_bench import gate_tree, toml_of, wait_for
from long_alone import fill

from pistegate_protocol.enrolment import SIGNATURE_BYTES
from pistegate_protocol.events import Stream
from pistegate_protocol.messages import BATCH_EVENTS_MAX, UP, Batch
from pistegate_protocol.packing import pack
from pistegate_simulators.link.line import Line, why_not
from pistegate_simulators.link.weather import Weather

EVENTS = 10_000
WEATHER = Weather(delay_s=0.2, loss=0.05)
SEEDS = (1, 2, 3)
LIMIT_S = 60.0
GIVE_UP_S = 400.0
GATE = 3


def measure() -> list[Figure]:
    """Three seeds under cubic, and one under what the machine uses."""
    reason = why_not()
    if reason:
        return [Figure("drain: not measured", 0.0, reason)]
    found = []
    for number, seed in enumerate(SEEDS):
        progress(number, len(SEEDS) + 1)
        found.append(_drain(seed, "cubic"))
    own = _drain(SEEDS[0], None)
    progress(len(SEEDS) + 1, len(SEEDS) + 1)
    seconds = median(each.seconds for each in found)
    how = ", ".join(f"{each.seconds:.0f}" for each in found) + " s; until the gate has every acknowledgement"
    return [
        Figure("drain: 10,000 events, 200 ms one way, 5 % loss, cubic", seconds, "s", LIMIT_S, note=how),
        Figure(f"drain: the same, {own.congestion} (this machine's)", own.seconds, "s"),
        Figure("drain: MQTT payload for each event", found[0].bytes_each, "bytes", 80.0, note="admission and outcome"),
    ]


class _Drain:
    """One run: seconds from the connection to the last acknowledgement, bytes published for each event."""

    def __init__(self, seconds: float, bytes_each: float, congestion: str) -> None:
        self.seconds = seconds
        self.bytes_each = bytes_each
        self.congestion = congestion


def _drain(seed: int, congestion: str | None) -> _Drain:
    with TemporaryDirectory(prefix="bench-drain-") as name, Line(WEATHER, seed, congestion) as line:
        directory = Path(name)
        directory.chmod(0o755)  # Mosquitto, started by root, reads as its own user
        storage = directory / "journal"
        fill(storage, 1, GATE, EVENTS)
        with far_cloud(line, directory, gates=GATE) as cloud:
            config = directory / "gate.toml"
            config.write_text(toml_of(gate_tree(storage, "/dev/none", broker=cloud.broker)))
            log = directory / "gate.log"
            with near_gate(line, config, log):
                wait_for(lambda: "connected to the broker" in log.read_text(), 60)
                began = time.monotonic()
                wait_for(lambda: cloud.stored() >= EVENTS and _all_acknowledged(storage), GIVE_UP_S)
                seconds = time.monotonic() - began
        return _Drain(seconds, _payload_each(storage), line.congestion)


def _all_acknowledged(storage: Path) -> bool:
    with closing(sqlite3.connect(f"file:{storage}/journal.sqlite?mode=ro", uri=True, timeout=10)) as db:
        waiting = db.execute(
            "SELECT count(*) FROM event v JOIN epoch e ON e.stream = v.stream AND e.epoch = v.epoch"
            " WHERE v.seq > e.acked_seq AND v.stream = 1"
        ).fetchone()
        return int(waiting[0]) == 0


def _payload_each(storage: Path) -> float:
    """Of the batches that the gate makes of its ledger, their heads and signatures included."""
    with closing(sqlite3.connect(f"file:{storage}/journal.sqlite?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT payload FROM event WHERE stream = 1 ORDER BY epoch, seq LIMIT 5000").fetchall()
    batches = [rows[at : at + BATCH_EVENTS_MAX] for at in range(0, len(rows), BATCH_EVENTS_MAX)]
    sizes = [
        len(pack(UP.encode(Batch(GATE, Stream.LEDGER, 1 << 40, 1, bytes(32), [row[0] for row in batch]))))
        for batch in batches
    ]
    return (sum(sizes) + SIGNATURE_BYTES * len(batches)) / len(rows)
