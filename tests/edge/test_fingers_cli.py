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
from pistegate_edge.fingers.errors import ConsentMissing, SensorRefused, TemplateRefused
from pistegate_edge.fingers.sealing import open_template, open_template_keys
from pistegate_edge.fingers.store import TemplateStore
from pistegate_protocol.fingers import holder_of
from pistegate_simulators.finger import SimulatedSensor

FAR_MS = 4_000_000_000_000  # in the year 2096
HOLDER = holder_of(4711, 1)
RECORD = {"holder": HOLDER.hex(), "until_ms": FAR_MS, "staff": "li", "guardian": False, "ticket": 4711}
RECORD |= {"text_version": "finger-1", "words": "May we keep ...", "locale": "en"}


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


def record(tmp_path: Path, **changes: object) -> str:
    """What the cloud answered, in a file."""
    (tmp_path / "record.json").write_text(json.dumps(RECORD | changes))
    return str(tmp_path / "record.json")


@pytest.fixture
def enrolled(
    simulated: SimulatedSensor, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[Path, str]:
    """The file that came of a guest's two touches, and what the guest was told."""
    stop = threading.Event()
    thread = threading.Thread(target=touching, args=(simulated, stop))
    thread.start()
    where = ("--path", simulated.path, "--keys", str(keys), "--unlock", str(tmp_path / "unlock"))
    capsys.readouterr()
    try:
        assert run("enrol", *where, "--record", record(tmp_path), "--card", "04a1b2c3") == 0
    finally:
        stop.set()
        thread.join()
    told = capsys.readouterr()
    (tmp_path / "finger.json").write_text(told.out)
    return tmp_path / "finger.json", told.err


def test_a_finger_is_enrolled_at_a_desk(
    simulated: SimulatedSensor, keys: Path, tmp_path: Path, enrolled: tuple[Path, str]
) -> None:
    """One JSON object with the sealed template and the consent; the words for the guest are on the other stream."""
    done = json.loads(enrolled[0].read_text())
    assert (done["holder"], done["until_ms"]) == (HOLDER.hex(), FAR_MS)
    assert done["consent"]["staff"] == "li"
    assert done["other_way"] == "card"
    assert "请按手指" in enrolled[1]
    opened = open_template(
        bytes.fromhex(done["sealed"]), HOLDER, open_template_keys(KeyStoreFile(str(keys), str(tmp_path / "unlock")))
    )
    simulated.put("wang")
    with driver(simulated) as sensor:
        sensor.run(flows.push(opened))
        sensor.run(flows.look())
        assert sensor.run(flows.compare()) is not None


def test_without_a_card_or_code_nobody_is_enrolled(simulated: SimulatedSensor, keys: Path, tmp_path: Path) -> None:
    """Said before the guest is asked to touch anything."""
    where = ("--path", simulated.path, "--keys", str(keys), "--unlock", str(tmp_path / "unlock"))
    with pytest.raises(ConsentMissing, match="no other way in"):
        run("enrol", *where, "--record", record(tmp_path))


@pytest.mark.parametrize("changes", [{"staff": None}, {"words": " "}, {"holder": "zz"}, {"guardian": "yes"}])
def test_without_what_the_cloud_recorded_nobody_is_enrolled(
    simulated: SimulatedSensor, keys: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    """A template that the cloud knows no consent for could never be withdrawn."""
    where = ("--path", simulated.path, "--keys", str(keys), "--unlock", str(tmp_path / "unlock"))
    with pytest.raises(ConsentMissing):
        run("enrol", *where, "--record", record(tmp_path, **changes), "--card", "04a1b2c3")


def test_fingers_are_brought_to_gates_and_from_gate_to_gate(
    keys: Path, tmp_path: Path, enrolled: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Put from the desk's file, exported, put at another gate: the same sealed template, until the same day."""
    for name in ("one", "two"):
        TemplateStore(tmp_path / name).close()
    tried = ("--keys", str(keys), "--unlock", str(tmp_path / "unlock"))
    assert run("put", "--store", str(tmp_path / "one"), *tried, str(enrolled[0])) == 0
    assert "1 of 1 fingers are held" in capsys.readouterr().out
    assert run("export", "--store", str(tmp_path / "one"), "--out", str(tmp_path / "all.json")) == 0
    assert (tmp_path / "all.json").stat().st_mode & 0o077 == 0
    assert run("put", "--store", str(tmp_path / "two"), *tried, str(tmp_path / "all.json")) == 0
    held = [TemplateStore(tmp_path / name).everything(NOW_MS) for name in ("one", "two")]
    assert held[0] == held[1] == [(HOLDER, bytes.fromhex(json.loads(enrolled[0].read_text())["sealed"]), FAR_MS)]


def test_a_withdrawn_finger_does_not_come_back_from_an_old_file(
    tmp_path: Path, enrolled: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The file that nobody deleted is refused by name, with what to do; the others in it are taken."""
    store = TemplateStore(tmp_path / "gate")
    store.remove(HOLDER, "withdrawn", NOW_MS)
    store.close()
    other = json.loads(enrolled[0].read_text()) | {"holder": holder_of(4712, 1).hex()}
    with enrolled[0].open("a") as file:
        file.write(json.dumps(other))
    capsys.readouterr()
    assert run("put", "--store", str(tmp_path / "gate"), str(enrolled[0])) == 1
    told = capsys.readouterr()
    assert "1 of 2" in told.out
    assert f"{HOLDER.hex()}: the finger {HOLDER.hex()} was withdrawn" in told.err
    assert "enrol it anew" in told.err


def test_a_template_of_another_site_or_holder_or_time_is_left_out(
    keys: Path, tmp_path: Path, enrolled: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Told at the gate, by the technician's hand, and not at the first guest's touch."""
    TemplateStore(tmp_path / "gate").close()
    good = json.loads(enrolled[0].read_text())
    lines = [good | {"holder": holder_of(4712, 1).hex()}, good | {"until_ms": NOW_MS}]
    enrolled[0].write_text("\n".join(json.dumps(line) for line in lines))
    tried = ("--keys", str(keys), "--unlock", str(tmp_path / "unlock"))
    capsys.readouterr()
    assert run("put", "--store", str(tmp_path / "gate"), *tried, str(enrolled[0]), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["held"] == 0
    assert "sealed for somebody else" in told["left_out"][0]
    assert "its pass is over" in told["left_out"][1]


@pytest.mark.parametrize("line", ["[]", "{", '{"holder": "00", "until_ms": 1, "sealed": "00"}', "x" * 100_000])
def test_what_is_no_template_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    """Nothing of the file is taken then, and nothing of it is repeated in the message."""
    TemplateStore(tmp_path / "gate").close()
    (tmp_path / "bad.json").write_text(f"\n{line}\n")
    with pytest.raises(TemplateRefused, match="line 2") as refused:
        run("put", "--store", str(tmp_path / "gate"), str(tmp_path / "bad.json"))
    assert line not in str(refused.value) or line == "{"


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
