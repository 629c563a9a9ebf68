# SPDX-License-Identifier: Apache-2.0
"""Gate, broker, cloud and database as processes, a bad line, and a crowd: whatever dies, all is counted once.

`lost`: persons the arms turned beyond passed and unknown; `duplicated`: passed beyond turned; unknown only of
admissions that were open at a kill. Compared in the cloud's database when everything has come through (two_books.py).
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from far_cloud import FarCloud, Here, cloud_at, far_cloud
from gate_bench import wait_for
from ridden_gate import GATE, RiddenGate
from servers import Postgres
from skips import missing_system, require_tools
from two_books import agree

from pistegate_simulators.link.line import Line, why_not
from pistegate_simulators.link.weather import Weather

BAD = Weather(delay_s=0.05, jitter_s=0.02, loss=0.05, doubling=0.02)
AWFUL = Weather(delay_s=0.05, jitter_s=0.02, loss=0.3)
PARTITION_S = 8.0
SOON_S = 60.0
CONNECTED = "rungs: connected"
SLOW = (pytest.mark.slow, pytest.mark.timeout(1800))
pytestmark = pytest.mark.timeout(300)  # many processes start, beside other tests


@dataclass
class FarSite:
    """Broker and cloud at the far end of a bad line; each test has a gate of its own at the near end."""

    line: Line
    cloud: FarCloud

    @contextmanager
    def gate(self, directory: Path, number: int) -> Iterator[RiddenGate]:
        """In service, with its crowd."""
        broker = self.cloud.broker | {"keepalive_s": 10}
        with RiddenGate(self.line.near, directory, broker, seed=number, number=number) as gate:
            yield gate


@pytest.fixture(scope="module")
def far_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarSite]:
    """Needs root."""
    require_tools("mosquitto")
    if reason := why_not():
        missing_system(reason)
    directory = _readable(tmp_path_factory.mktemp("far"))
    with Line(BAD, 1, "cubic") as line, far_cloud(line, directory, gates=GATE) as cloud:
        yield FarSite(line, cloud)


def _readable(directory: Path) -> Path:
    """Mosquitto, started by root, reads as its own user."""
    directory.chmod(0o755)
    return directory


def killed_in_traffic(gate: RiddenGate, times: int, seed: int) -> None:
    """At any moment of a ride, reading, writing, opening, passing: none is planned."""
    chance = Random(seed)
    for _ in range(times):
        gate.ridden(chance.randint(1, 2))
        time.sleep(chance.uniform(0.0, 0.6))
        gate.kill()
        gate.start()


@pytest.mark.parametrize("times", [pytest.param(10), pytest.param(50, marks=SLOW)])
def test_gate_killed_in_traffic_on_a_bad_line_loses_nobody_and_counts_nobody_twice(
    tmp_path: Path, far_site: FarSite, times: int
) -> None:
    """Killed so many times, restarted at once each time, while people ride; then the books of both sides agree."""
    with far_site.gate(tmp_path, 1 if times == 10 else 2) as gate:
        killed_in_traffic(gate, times, seed=times)
        gate.ridden(1)
        gate.stop_riding()
        books = agree(gate, far_site.cloud)
        assert gate.kills == times
        assert books.turned > times


def test_partition_and_a_line_that_loses_a_third_only_delay(tmp_path: Path, far_site: FarSite) -> None:
    """The lane does not wait for the network; afterwards all is in the cloud, once, and the gate is connected."""
    line, cloud = far_site.line, far_site.cloud
    with far_site.gate(tmp_path, 3) as gate:
        gate.ridden(2)
        line.cut()
        cut_at = time.monotonic()
        gate.ridden(4)
        before = cloud.stored()  # by now it has stored what had reached it before the cut
        gate.kill()  # and starts where it cannot reach anybody
        gate.start()
        connected = gate.program.said(CONNECTED)
        gate.ridden(2)
        time.sleep(max(0.0, cut_at + PARTITION_S - time.monotonic()))  # the length is what is tested
        assert cloud.stored() == before
        assert gate.waiting() > 0
        assert gate.program.said(CONNECTED) == connected
        line.turn(AWFUL)
        line.mend()
        gate.ridden(2)
        wait_for(lambda: cloud.stored() > before, SOON_S)  # a third lost wedges nothing
        line.turn(BAD)
        gate.stop_riding()
        agree(gate, cloud)
        wait_for(lambda: "; connected" in said_of_itself(cloud, 3), SOON_S)
        assert gate.program.said(CONNECTED) > connected


def said_of_itself(cloud: FarCloud, number: int) -> str:
    """The gate's newest Hello."""
    return str(cloud.rows(f"SELECT state FROM gate WHERE number = {number}")[0][0])


@pytest.mark.parametrize("times", [pytest.param(1), pytest.param(8, marks=SLOW)])
def test_killed_broker_and_killed_cloud_lose_nobody(tmp_path: Path, times: int) -> None:
    """Mosquitto keeps nothing over kill -9, the cloud dies between commit and acknowledgement: the gate sends again."""
    require_tools("mosquitto")
    with (
        cloud_at(Here(), _readable(tmp_path), gates=GATE) as cloud,
        RiddenGate(Here(), tmp_path, cloud.broker, seed=3) as gate,
    ):
        for _ in range(times):
            gate.ridden(2)
            cloud.mosquitto.kill()
            gate.ridden(1)
            cloud.mosquitto.start()
            gate.ridden(1)
            cloud.serving.kill()
            gate.ridden(1)
            cloud.serve_again()
        gate.stop_riding()
        books = agree(gate, cloud)
        assert books.unknown == 0


@pytest.mark.parametrize("times", [pytest.param(1), pytest.param(8, marks=SLOW)])
def test_killed_postgresql_under_ingestion_loses_nobody(tmp_path: Path, times: int) -> None:
    """What was acknowledged is there after its recovery; the cloud's process goes on by itself, as does the gate."""
    require_tools("mosquitto")
    _readable(tmp_path)
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres(durable=True))
        cloud = stack.enter_context(cloud_at(Here(), tmp_path, GATE, postgres.create_database()))
        gate = stack.enter_context(RiddenGate(Here(), tmp_path, cloud.broker, seed=4))
        for _ in range(times):
            gate.ridden(2)
            postgres.kill_hard()
            gate.ridden(2)
            postgres.start()
            gate.ridden(1)
        gate.stop_riding()
        books = agree(gate, cloud)
        assert books.unknown == 0
        assert cloud.serving.process is not None
        assert cloud.serving.process.poll() is None


FORGETS = """
from pistegate_edge.journal.journal import Journal
write = Journal.outcome
Journal.outcome = lambda self, action: write(self, action) if action.event.seq % 3 else None
"""
OPTIMIST = """
import dataclasses
import msgspec
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.events import OutcomeKind
write = Journal.outcome
def outcome(self, action):
    told = msgspec.structs.replace(action.event, kind=OutcomeKind.PASSED, passed=1, unknown=0)
    write(self, dataclasses.replace(action, event=told))
Journal.outcome = outcome
"""


@pytest.mark.slow
@pytest.mark.parametrize("plant", [FORGETS, OPTIMIST], ids=["forgets_outcomes", "says_all_passed"])
def test_planted_bugs_of_a_gate_are_found(tmp_path: Path, plant: str) -> None:
    """The test of the tests: the comparison of the books goes red."""
    require_tools("mosquitto")
    with (
        cloud_at(Here(), _readable(tmp_path), gates=GATE) as cloud,
        RiddenGate(Here(), tmp_path, cloud.broker, seed=5, plant=plant) as gate,
    ):
        gate.ridden(12)
        gate.kill()
        gate.start()
        gate.ridden(2)
        gate.stop_riding()
        with pytest.raises(AssertionError, match="lost="):
            agree(gate, cloud)
