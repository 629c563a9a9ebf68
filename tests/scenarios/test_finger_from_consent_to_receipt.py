# SPDX-License-Identifier: Apache-2.0
"""A finger from consent to receipt: a real cloud, a desk's commands, a real gate; no template reaches the cloud."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from binding_cases import ISSUER, ISSUER_ID, PUBLISHER, PUBLISHER_ID, SITE
from cloud_process import CloudProcess
from gate_bench import Bench, public, running_gate, wait_for
from journal_reading import admissions, outcomes

from pistegate_edge.cli import main as gate_main
from pistegate_edge.config import KeyStoreFile
from pistegate_edge.fingers.sealing import open_template, open_template_keys
from pistegate_edge.fingers.store import TemplateStore
from pistegate_protocol.fingers import medium_of
from pistegate_simulators.finger import SimulatedSensor
from pistegate_simulators.reader import SimulatedReader

SOON_S = 60.0  # "within minutes", on a busy machine
YES = {"staff": "Li Na", "text_version": "finger-1", "words": "May we keep a template?", "locale": "en"}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    """A cloud that serves."""
    with CloudProcess(tmp_path / "cloud", "[enrolment]\nunsigned = true\n") as made:
        yield made


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in card reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def sensor(tmp_path: Path) -> Iterator[SimulatedSensor]:
    """The gate's sensor behind a stable link."""
    with SimulatedSensor(link=tmp_path / "finger") as sensor:
        yield sensor


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    """The site's keys for templates, sealed, and what opens them."""
    unlock = tmp_path / "unlock"
    unlock.write_text("0123456789abcdef0123456789abcdef")
    unlock.chmod(0o600)
    assert gate_main(["finger", "keys", "--out", str(tmp_path / "finger-keys"), "--unlock", str(unlock)]) == 0
    return str(tmp_path / "finger-keys"), str(unlock)


def sections(tmp_path: Path, cloud: CloudProcess, keys: tuple[str, str]) -> dict[str, Any]:
    """The gate of that site, as docs/scanners-and-fingers.md has it."""
    return {
        "device": {"site": SITE, "group": 1, "number": 3},
        "issuer_keys": {str(ISSUER_ID): public(ISSUER).hex()},
        "document_keys": {str(PUBLISHER_ID): public(PUBLISHER).hex()},
        "broker": {"host": "127.0.0.1", "port": cloud.broker_port, "keepalive_s": 30},
        "finger": {"path": str(tmp_path / "finger"), "keys": keys[0], "unlock": keys[1], "watch": True},
    }


def enrolled(tmp_path: Path, cloud: CloudProcess, keys: tuple[str, str], capsys: Any) -> tuple[dict[str, Any], Path]:
    """What the cloud recorded, and the file that a desk made of it."""
    record = cloud.call("POST", "/fingers", {"ticket": cloud.sold(), "alone": True} | YES)
    (tmp_path / "record.json").write_text(json.dumps(record))
    stop = threading.Event()
    with SimulatedSensor() as desk:
        thread = threading.Thread(target=touching, args=(desk, stop))
        thread.start()
        where = ["--path", desk.path, "--keys", keys[0], "--unlock", keys[1]]
        capsys.readouterr()
        try:
            assert gate_main(["finger", "enrol", *where, "--record", str(tmp_path / "record.json"), "--code"]) == 0
        finally:
            stop.set()
            thread.join()
    (tmp_path / "finger.json").write_text(capsys.readouterr().out)
    return record, tmp_path / "finger.json"


def touching(desk: SimulatedSensor, stop: threading.Event) -> None:
    """Wang, on and off the desk's sensor."""
    while not stop.wait(0.3):
        desk.put("wang")
        stop.wait(0.3)
        desk.lift()


def put(journal: Path, keys: tuple[str, str], file: Path) -> None:
    """The technician brings the file to the gate, which runs."""
    tried = ["--keys", keys[0], "--unlock", keys[1]]
    assert gate_main(["finger", "put", "--store", str(journal / "fingers.db"), *tried, str(file)]) == 0


def deletion(cloud: CloudProcess, record: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = cloud.call("GET", f"/fingers/withdrawals/{record['id']}")
    return found


def told(bench: Bench) -> int:
    """Version of the list of fingers that the gate has."""
    return bench.gate._versions().get("fingers", 0)


def test_a_finger_opens_until_it_is_withdrawn_and_every_gate_gives_its_receipt(
    tmp_path: Path,
    cloud: CloudProcess,
    reader: SimulatedReader,
    sensor: SimulatedSensor,
    keys: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Consent, desk, gate, lane; the guest withdraws; the sensor is empty, the cloud has a receipt, no template."""
    journal = tmp_path / "journal"
    record, file = enrolled(tmp_path, cloud, keys, capsys)
    with running_gate(journal, reader, **sections(tmp_path, cloud, keys)) as bench:
        put(journal, keys, file)
        wait_for(lambda: sensor.chip.library, SOON_S)
        sensor.put("wang")
        wait_for(lambda: bench.unlocks() == 1, SOON_S)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        sensor.lift()
        wait_for(lambda: told(bench) == 1)
        cloud.call("POST", "/fingers/withdrawals", {"finger": record["id"], "reason": "the guest asked for it"})
        wait_for(lambda: deletion(cloud, record)["complete"], SOON_S)
        assert sensor.chip.library == {}
    (gate,) = deletion(cloud, record)["gates"]
    assert (gate["gate"], gate["stage"]) == (3, "erased")
    assert "Gate 3: erased at" in cloud.run("fingers", "show", str(record["id"]))
    (admission,) = admissions(journal)
    assert admission.medium == medium_of(bytes.fromhex(record["holder"])).to_bytes()
    assert_nothing_biometric(tmp_path, cloud, file, keys)


def test_a_gate_that_was_off_at_the_withdrawal_erases_when_it_is_back(
    tmp_path: Path,
    cloud: CloudProcess,
    reader: SimulatedReader,
    sensor: SimulatedSensor,
    keys: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Withdrawn by command while the gate is off: it is named as the one that is waited for, then it answers."""
    journal = tmp_path / "journal"
    record, file = enrolled(tmp_path, cloud, keys, capsys)
    with running_gate(journal, reader, **sections(tmp_path, cloud, keys)) as bench:
        put(journal, keys, file)
        wait_for(lambda: sensor.chip.library, SOON_S)
        wait_for(lambda: told(bench) == 1)
        wait_for(lambda: holds(cloud), SOON_S)
    cloud.run("fingers", "withdraw", str(record["id"]), "--reason", "asked by letter")
    waiting = deletion(cloud, record)
    assert (waiting["complete"], [gate["gate"] for gate in waiting["gates"]]) == (False, [3])
    with running_gate(journal, reader, **sections(tmp_path, cloud, keys)):
        wait_for(lambda: deletion(cloud, record)["complete"], SOON_S)
    assert sensor.chip.library == {}
    store = TemplateStore(journal / "fingers.db")
    assert store.everything(0) == []
    store.close()


def holds(cloud: CloudProcess) -> bool:
    """Whether the cloud knows that the gate has a finger."""
    (gate,) = cloud.call("GET", f"/gates?site={SITE}")["items"]
    return bool(gate["status"]["documents"].get("finger_templates"))


def assert_nothing_biometric(tmp_path: Path, cloud: CloudProcess, file: Path, keys: tuple[str, str]) -> None:
    """Neither the template nor its sealed form, as it is or in hex, is in any file of the cloud."""
    found = json.loads(file.read_text())
    sealed, holder = bytes.fromhex(found["sealed"]), bytes.fromhex(found["holder"])
    template = open_template(sealed, holder, open_template_keys(KeyStoreFile(*keys)))
    kept = b"".join(path.read_bytes() for path in cloud.directory.rglob("*") if path.is_file())
    assert holder.hex().encode() in kept  # the search finds what is there
    for secret in (template[3:19], sealed[14:30]):
        assert secret not in kept
        assert secret.hex().encode() not in kept
    erased = b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir() if path.is_file())
    assert sealed[14:30] not in erased
