# SPDX-License-Identifier: Apache-2.0
"""A gate dies with the WAN down: a spare takes its place, and later brings what the dead gate's disk holds."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gate_bench import WAIT_S, Bench, claim, gate_tree, running_gate, ski_card, toml_of, wait_for
from journal_reading import refusals
from secured_cloud import HOST, SecuredCloud, run, secured_cloud

from pistegate_simulators.reader import SimulatedReader

SPARE, DEAD = 90, 3
WITHIN_S = 60.0
DOCUMENT_KEY = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32).public_key().public_bytes_raw().hex()


pytestmark = pytest.mark.timeout(600)  # real processes, on a loaded machine


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredCloud]:
    """A site with a spare that has its post in another area."""
    with secured_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        cloud.ask("POST", "/areas", {"site": 1, "number": 1, "name": "Workshop"})
        cloud.ask("POST", "/posts", {"site": 1, "number": 9, "area": 1, "name": "Workshop"})
        cloud.ask("POST", "/gates", {"site": 1, "number": SPARE, "post": 9, "name": "Spare"})
        yield cloud


class Device:
    """A gate in a folder of its own, enrolled."""

    def __init__(self, folder: Path, cloud: SecuredCloud, number: int, area: int) -> None:
        self.folder = folder
        self.config = folder.with_suffix(".toml")
        folder.mkdir()
        self.changes: dict[str, Any] = {
            "broker": {"host": HOST, "port": cloud.broker.port, "keepalive_s": 30, "tls": True},
            "device": {"site": 1, "group": 1, "number": number},
            "place": {"area": area, "post_gates": [number], "zone": "Asia/Shanghai"},
            "document_keys": {"2": DOCUMENT_KEY},
        }
        self.config.write_text(toml_of(gate_tree(folder, **self.changes)))
        code = cloud.gate("enrol", number)["code"]
        self.command("enrol", "--cloud", cloud.url, "--code", code)

    def command(self, verb: str, *words: str, check: bool = True) -> Any:
        """pistegate-gate VERB --config ...; its JSON."""
        done = run("pistegate-gate", verb, "--config", str(self.config), "--json", *words, check=check)
        return json.loads(done.stdout) if done.stdout else done.stderr

    def running(self, reader: SimulatedReader) -> Any:
        """The whole gate."""
        return running_gate(self.folder, reader, **self.changes)


def ride(bench: Bench, number: int) -> None:
    """One guest with a ticket for area 0, through."""
    card = ski_card(number, claim(ticket=number))
    bench.reader.present(card)
    wait_for(lambda: bench.state() == "open")
    bench.turn()
    wait_for(lambda: bench.state() == "idle")
    bench.reader.remove(card)


def passages(cloud: SecuredCloud, gate: int) -> list[tuple[int, int]]:
    """Post and persons of every passage of a gate in the cloud's books."""
    items = cloud.ask("GET", "/passages?site=1&limit=1000")["items"]
    return [(each["post"], each["persons"]) for each in items if each["gate"] == gate]


def drained(bench: Bench) -> None:
    """The cloud has everything."""
    wait_for(lambda: bench.gate._uplink._core.connected and bench.gate._uplink._core.backlog() == 0, WITHIN_S)


def test_a_spare_takes_a_dead_gates_place_with_the_wan_down(cloud: SecuredCloud, tmp_path: Path) -> None:
    """Allowed in autumn, needed in winter: it admits there, under its own number, and the cloud counts it there."""
    spare, dead = Device(tmp_path / "spare", cloud, SPARE, 1), Device(tmp_path / "dead", cloud, DEAD, 0)
    cloud.gate("takeover", SPARE, "--of", str(DEAD))
    with SimulatedReader(tmp_path / "r") as reader:
        with spare.running(reader) as bench:
            wait_for(lambda: "takeovers" in bench.gate._documents.versions(), WITHIN_S)
            reader.present(ski_card(1))
            wait_for(lambda: refusals(spare.folder) == ["wrong_area"], WAIT_S)
            reader.remove()
        cloud.broker.stop()
        with dead.running(reader) as bench:
            ride(bench, 2)
        told = spare.command("takeover", "--gate", str(DEAD))
        assert (told["stands_for"], told["area"]) == (DEAD, 0)
        assert "may not stand" in spare.command("takeover", "--gate", "1", check=False)
        with spare.running(reader) as bench:
            assert f"stands for gate {DEAD}" in bench.gate._state()
            ride(bench, 3)
            cloud.broker.start()
            drained(bench)
            status = wait_for(lambda: (s := cloud.statuses()[SPARE])["stands_for"] and s, WITHIN_S)
            assert status["stands_for"] == DEAD
        wait_for(lambda: passages(cloud, SPARE) == [(1, 1)], WITHIN_S)
        # The dead gate's disk, later, through the spare; signed with its own key, so it counts at once.
        assert passages(cloud, DEAD) == []
        mounted = tmp_path / "mnt"
        shutil.copytree(dead.folder, mounted)
        told = spare.command("upload", "--from", str(mounted))
        assert (told["gate"], told["signed"], told["batches_waiting"], told["broken"]) == (DEAD, True, 0, "")
        wait_for(lambda: passages(cloud, DEAD) == [(1, 1)], WITHIN_S)
        spare.command("takeover", "--end")
        with spare.running(reader) as bench:
            drained(bench)
            assert "stands for" not in bench.gate._state()
            wait_for(lambda: cloud.statuses()[SPARE]["stands_for"] is None, WITHIN_S)


def test_a_disk_whose_key_cannot_be_read_waits_for_a_person(cloud: SecuredCloud, tmp_path: Path) -> None:
    """Whoever brings a disk does not vouch for it."""
    bringer, dead = Device(tmp_path / "bringer", cloud, 2, 0), Device(tmp_path / "dead", cloud, 1, 0)
    dead.changes["broker"] = {"host": HOST, "port": 9, "keepalive_s": 30}
    with SimulatedReader(tmp_path / "r") as reader, dead.running(reader) as bench:
        ride(bench, 5)
    shutil.rmtree(dead.folder / "identity")
    told = bringer.command("upload", "--from", str(dead.folder))
    assert (told["signed"], told["batches_taken"]) == (False, 0)
    assert told["batches_waiting"] == 2  # ledger and notes
    assert passages(cloud, 1) == []
    assert cloud.gate("accept", 1)["batches"] == 2
    wait_for(lambda: passages(cloud, 1) == [(1, 1)], WITHIN_S)
    assert bringer.command("upload", "--from", str(dead.folder), "--all")["batches_taken"] == 0  # still nobody's word
