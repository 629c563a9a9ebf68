# SPDX-License-Identifier: Apache-2.0
"""`pistegate-gate finger`, as it is typed at a desk and by a technician."""

import argparse
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from finger_bench import LATER_MS, NOW_MS, driver

from pistegate_edge.config import KeyStoreFile
from pistegate_edge.errors import KeyStoreError
from pistegate_edge.fingers import flows
from pistegate_edge.fingers.cli import add_parser
from pistegate_edge.fingers.errors import ConsentMissing, SensorRefused
from pistegate_edge.fingers.sealing import open_template, open_template_keys
from pistegate_edge.fingers.store import TemplateStore
from pistegate_simulators.finger import SimulatedSensor

ENROL = ("--holder", "0a1b", "--staff", "li", "--text-version", "finger-1", "--locale", "en")


@pytest.fixture
def simulated() -> Iterator[SimulatedSensor]:
    """With nothing on it."""
    with SimulatedSensor() as sensor:
        yield sensor


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Made by the command, sealed."""
    unlock = tmp_path / "unlock"
    unlock.write_text("0123456789abcdef0123456789abcdef")
    unlock.chmod(0o600)
    assert run("keys", "--out", str(tmp_path / "keys"), "--unlock", str(unlock)) == 0
    return tmp_path / "keys"


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["finger", *words])
    result: int = arguments.do(arguments)
    return result


def touching(simulated: SimulatedSensor, stop: threading.Event) -> None:
    """A finger on and off, until told to stop."""
    while not stop.wait(0.3):
        simulated.put("wang")
        stop.wait(0.3)
        simulated.lift()


def test_a_finger_is_enrolled_at_a_desk(
    simulated: SimulatedSensor, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One JSON object with the sealed template and the consent; the words for the guest are on the other stream."""
    (tmp_path / "text").write_text("May we keep ...")
    stop = threading.Event()
    thread = threading.Thread(target=touching, args=(simulated, stop))
    thread.start()
    unlock = str(tmp_path / "unlock")
    where = ("--path", simulated.path, "--keys", str(keys), "--unlock", unlock, "--text", str(tmp_path / "text"))
    capsys.readouterr()
    try:
        assert run("enrol", *where, *ENROL, "--card", "04a1b2c3") == 0
    finally:
        stop.set()
        thread.join()
    told = capsys.readouterr()
    done = json.loads(told.out)
    assert done["consent"]["staff"] == "li"
    assert done["other_way"] == "card"
    assert "请按手指" in told.err
    opened = open_template(
        bytes.fromhex(done["sealed"]), b"\x0a\x1b", open_template_keys(KeyStoreFile(str(keys), unlock))
    )
    simulated.put("wang")
    with driver(simulated) as sensor:
        sensor.run(flows.push(opened))
        sensor.run(flows.look())
        assert sensor.run(flows.compare()) is not None


def test_without_a_card_or_code_nobody_is_enrolled(simulated: SimulatedSensor, keys: Path, tmp_path: Path) -> None:
    """Said before the guest is asked to touch anything."""
    (tmp_path / "text").write_text("May we keep ...")
    where = ("--path", simulated.path, "--keys", str(keys), "--unlock", str(tmp_path / "unlock"))
    with pytest.raises(ConsentMissing, match="no other way in"):
        run("enrol", *where, "--text", str(tmp_path / "text"), *ENROL)


def test_keys_are_never_written_over(keys: Path, tmp_path: Path) -> None:
    """Every template under them would be gone. They are the owner's alone, and sealed."""
    before = keys.read_text()
    with pytest.raises(FileExistsError):
        run("keys", "--out", str(keys))
    assert keys.read_text() == before
    assert keys.stat().st_mode & 0o077 == 0
    with pytest.raises(KeyStoreError, match="name what opens it"):
        open_template_keys(KeyStoreFile(str(keys)))


def test_a_sensor_is_checked_and_wiped(simulated: SimulatedSensor, capsys: pytest.CaptureFixture[str]) -> None:
    """Not without --yes; then every slot is empty."""
    simulated.chip.library = {0: bytes(512), 7: bytes(512)}
    assert run("check", "--path", simulated.path, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"capacity": 200, "security": 3, "baud": 57600, "used": [0, 7]}
    assert run("wipe", "--path", simulated.path) == 1
    assert len(simulated.chip.library) == 2
    assert run("wipe", "--path", simulated.path, "--yes") == 0
    assert simulated.chip.library == {}
    assert "2 slots erased" in capsys.readouterr().out


def test_a_worn_sensor_is_not_told_as_wiped(simulated: SimulatedSensor) -> None:
    """It must not leave the house."""
    simulated.chip.library, simulated.chip.worn = {3: bytes(512)}, True
    with pytest.raises(SensorRefused, match="erase slot 3"):
        run("wipe", "--path", simulated.path, "--yes")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A gate's, which waits for a sensor that was taken out before a guest withdrew."""
    store = TemplateStore(tmp_path / "fingers.db")
    store.moved_to(b"old".ljust(32, b"\x00"))
    store.put(b"holder", b"sealed", LATER_MS)
    store.filled(store.assign(b"holder", 200), b"sealed")
    store.moved_to(b"new".ljust(32, b"\x00"))
    store.remove(b"holder", "withdrawn", NOW_MS)
    store.erased(0, NOW_MS)
    assert store.untold() == []
    store.close()
    return tmp_path / "fingers.db"


def receipts(path: Path) -> int:
    store = TemplateStore(path)
    try:
        return len(store.untold())
    finally:
        store.close()


def test_wiping_the_sensor_that_was_taken_out_gives_the_receipt(simulated: SimulatedSensor, store: Path) -> None:
    """By its name; wiping another one gives none."""
    simulated.chip.library = {0: bytes(512)}
    where = ("--path", simulated.path, "--yes", "--store", str(store))
    assert run("wipe", *where) == 0
    assert receipts(store) == 0
    simulated.chip.note = b"old".ljust(32, b"\x00")
    assert run("wipe", *where) == 0
    assert receipts(store) == 1


def test_a_destroyed_sensor_is_told_by_a_person(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, so that nobody says it of the wrong one; the list is empty then."""
    name = b"old".ljust(32, b"\x00").hex()
    assert run("away", "--store", str(store)) == 0
    assert f"--destroyed {name}" in capsys.readouterr().out
    assert run("away", "--store", str(store), "--destroyed", "00") == 0
    assert receipts(store) == 0
    assert run("away", "--store", str(store), "--destroyed", name, "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {}
    assert receipts(store) == 1


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A typing error would be told as nothing waiting."""
    with pytest.raises(FileNotFoundError, match=r"fingers\.db"):
        run("away", "--store", str(tmp_path / "none.db"))
    assert not (tmp_path / "none.db").exists()
