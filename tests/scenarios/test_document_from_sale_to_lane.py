# SPDX-License-Identifier: Apache-2.0
"""A ticket sold and bound to a document in a real cloud opens a real gate's lane by that document, and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from binding_cases import ISSUER, ISSUER_ID, NUMBER, PUBLISHER, PUBLISHER_ID, SITE
from cloud_process import CloudProcess
from document_bench import private
from gate_bench import Bench, gate_tree, public, running_gate, toml_of, wait_for
from journal_reading import admissions, outcomes, refusals

from pistegate_edge.bindings.tables import CURRENT
from pistegate_edge.cli import main as gate_main
from pistegate_edge.keystore.sealed import is_sealed
from pistegate_protocol.identity import check_character
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.scanner import SimulatedIdReader

OTHER = "99999919850101123" + check_character("99999919850101123")
THIRD = "99999919700101555" + check_character("99999919700101555")
SECRET = "an unlock secret of the test site"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    """A cloud that serves, with an authority of its own."""
    authority = tmp_path / "authority"
    made = CloudProcess(tmp_path / "cloud", f'[enrolment]\nauthority = "{authority}"\n')
    made.run("authority", "init", "--directory", str(authority), "--name", "Snow Valley", configured=False)
    with made:
        yield made


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in card reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


@pytest.fixture
def ids(tmp_path: Path) -> Iterator[SimulatedIdReader]:
    """A plugged-in reader of resident IDs behind a stable link."""
    with SimulatedIdReader(tmp_path / "ids") as ids:
        yield ids


def sections(tmp_path: Path, cloud: CloudProcess, *, token: bool = True) -> dict[str, Any]:
    """A gate of the site, as a technician writes it: keys sealed by the command that docs/technician.md names."""
    bare = private(tmp_path / "bare.toml", cloud.handle_keys())
    unlock = private(tmp_path / "unlock", SECRET)
    sealed = tmp_path / "documents.keys"
    assert gate_main(["keys", "seal", "--bare", str(bare), "--sealed", str(sealed), "--unlock", str(unlock)]) == 0
    assert is_sealed(sealed.read_text())
    found: dict[str, Any] = {
        "device": {"site": SITE, "group": 1, "number": 3},
        "issuer_keys": {str(ISSUER_ID): public(ISSUER).hex()},
        "document_keys": {str(PUBLISHER_ID): public(PUBLISHER).hex()},
        "scanner": {"path": str(tmp_path / "ids"), "profile": "resident-id-sdt"},
        "documents": {"keys": str(sealed), "unlock": str(unlock)},
    }
    if token:
        path = private(tmp_path / "token", cloud.token("gates", "tables:read"))
        found["cloud"] = {"url": cloud.url, "token": str(path), "every_s": 10}
    return found


def ask_now(bench: Bench) -> None:
    """As when the cloud sends a document."""
    for part in bench.gate._parts:
        part.told()


def shown(ids: SimulatedIdReader, number: str, what: Callable[[], Any]) -> None:
    """Another card on the reader, until something came of it."""
    ids.lift()
    ids.put(number)
    wait_for(what, 20)


def test_guest_with_a_bound_ticket_comes_in_by_the_document_and_a_withdrawn_or_revoked_one_does_not(
    tmp_path: Path, cloud: CloudProcess, reader: SimulatedReader, ids: SimulatedIdReader
) -> None:
    """Sale, binding, table, lane; the second person is told; withdrawal and revocation come by the tables alone."""
    journal = tmp_path / "journal"
    ticket, withdrawn, revoked = cloud.sold(), cloud.sold(), cloud.sold()
    cloud.bound(revoked, THIRD)
    cloud.call("POST", f"/tickets/{revoked}/revoke", {"reason": "test"})
    cloud.bound(ticket, NUMBER)
    binding = cloud.bound(withdrawn, OTHER)
    with running_gate(journal, reader, **sections(tmp_path, cloud)) as bench:
        wait_for(lambda: (journal / CURRENT).exists(), 30)
        shown(ids, NUMBER, lambda: bench.unlocks() == 1)
        bench.turn()
        wait_for(lambda: outcomes(journal))
        cloud.call("POST", f"/bindings/{binding}/withdraw", {"reason": "asked for"})
        ask_now(bench)
        wait_for(lambda: bench.gate._versions().get("bindings", 0) >= 4, 60)
        wait_for(lambda: bench.gate._versions().get("denials", 0) >= 1, 120)  # made once a minute
        shown(ids, OTHER, lambda: refusals(journal) == ["not_booked"])
        shown(ids, THIRD, lambda: len(refusals(journal)) == 2)
        shown(ids, NUMBER, lambda: len(refusals(journal)) == 3)
    assert [admission.ticket for admission in admissions(journal)] == [ticket]
    assert refusals(journal)[2] == "passback"
    assert refusals(journal)[1] in ("revoked", "not_booked")  # denied, and taken out of the bindings by the next sweep


def test_party_enters_by_each_members_document_in_batches(
    tmp_path: Path, cloud: CloudProcess, reader: SimulatedReader, ids: SimulatedIdReader
) -> None:
    """Three on one ticket bound to two documents, two at a time: two, then one, then nobody."""
    journal = tmp_path / "journal"
    ticket = cloud.sold(2)
    cloud.bound(ticket, NUMBER)
    cloud.bound(ticket, OTHER)
    with running_gate(journal, reader, **sections(tmp_path, cloud)) as bench:
        wait_for(lambda: (journal / CURRENT).exists(), 30)
        shown(ids, NUMBER, lambda: bench.unlocks() == 1)
        for passed in (1, 2):
            bench.turn()
            wait_for(lambda passed=passed: bench.gate._lane is not None and passed)
        wait_for(lambda: outcomes(journal))
        shown(ids, OTHER, lambda: len(admissions(journal)) == 2)
    assert [admission.n for admission in admissions(journal)] == [2, 1]


def test_enrolled_gate_fetches_with_its_own_signature(
    tmp_path: Path, cloud: CloudProcess, reader: SimulatedReader, ids: SimulatedIdReader
) -> None:
    """No token on its disk, no [cloud] in its gate.toml."""
    journal = tmp_path / "journal"
    cloud.bound(cloud.sold(), NUMBER)
    made = cloud.run("gate", "enrol", "--site", str(SITE), "3", "--json")
    own = sections(tmp_path, cloud, token=False)
    config = tmp_path / "gate.toml"
    config.write_text(toml_of(gate_tree(journal, str(tmp_path / "reader"), **own)))
    journal.mkdir()
    code = _code(made)
    assert gate_main(["enrol", "--config", str(config), "--cloud", cloud.url, "--code", code]) == 0
    with running_gate(journal, reader, **own) as bench:
        wait_for(lambda: (journal / CURRENT).exists(), 30)
        shown(ids, NUMBER, lambda: bench.unlocks() == 1)


def _code(made: str) -> str:
    return str(json.loads(made)["code"])


@contextmanager
def gate_process(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`pistegate-gate run` on mock pins."""
    with config.with_suffix(".log").open("ab") as log:
        command = [sys.executable, "-m", "pistegate_edge", "run", "--config", str(config)]
        process = subprocess.Popen(command, stderr=log, env=os.environ | {"GPIOZERO_PIN_FACTORY": "mock"})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_killed_gate_knows_its_guests_without_the_cloud(
    tmp_path: Path, cloud: CloudProcess, reader: SimulatedReader, ids: SimulatedIdReader
) -> None:
    """SIGKILL of a real process, the cloud gone: the next run opens by what was applied; no number is on its disk."""
    journal = tmp_path / "journal"
    tickets = [cloud.sold(), cloud.sold()]
    cloud.bound(tickets[0], NUMBER)
    cloud.bound(tickets[1], OTHER)
    config = tmp_path / "gate.toml"
    config.write_text(toml_of(gate_tree(journal, str(tmp_path / "reader"), **sections(tmp_path, cloud))))
    with gate_process(config):
        wait_for(lambda: (journal / CURRENT).exists(), 60)
        shown(ids, NUMBER, lambda: admissions(journal))
    cloud.stop()
    with gate_process(config):
        wait_for(lambda: ids.lift() or ids.put(OTHER) or wait_for_second(journal), 60)
    assert [admission.ticket for admission in admissions(journal)] == tickets
    kept = b"".join(path.read_bytes() for path in [*journal.rglob("*"), config.with_suffix(".log")] if path.is_file())
    assert NUMBER.encode() not in kept
    assert OTHER[6:14].encode() not in kept


def wait_for_second(journal: Path) -> bool:
    """Whether the second admission comes within a few seconds."""
    try:
        return bool(wait_for(lambda: len(admissions(journal)) == 2, 4))
    except AssertionError:
        return False
