# SPDX-License-Identifier: Apache-2.0
"""The simulated reader as libnfc and libfreefare see it: Debian's tools and a C program of ours."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from skips import missing_system, require_tools

from pistegate_simulators.card import (
    ClassicCard,
    DesfireCard,
    Mode,
    Phone,
    ResidentIdCard,
    Rights,
    Type2Card,
    UidClone,
    ValueFile,
    backup_file,
    cyclic_file,
    standard_file,
)
from pistegate_simulators.reader import SimulatedReader

pytestmark = pytest.mark.system

AID = 0x504731
UID = bytes.fromhex("04A1B2C3D4E5F6")
SOURCE = Path(__file__).with_name("libfreefare_host.c")


@pytest.fixture
def reader() -> Iterator[SimulatedReader]:
    with SimulatedReader() as plugged:
        yield plugged


def environment(reader: SimulatedReader) -> dict[str, str]:
    return os.environ | {"LIBNFC_DEFAULT_DEVICE": f"pn532_uart:{reader.path}:115200"}


def run(reader: SimulatedReader, *command: str) -> str:
    done = subprocess.run(command, env=environment(reader), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prepared() -> DesfireCard:
    card = DesfireCard(UID)
    both = Rights(1, 1, 1, 0)
    card.create_application(
        AID,
        [bytes([filler] * 16) for filler in (1, 2)],
        {
            1: standard_file(64, Mode.MAC, Rights(1, 0, 0, 0), b"signed claim"),
            2: backup_file(32, Mode.FULL, both),
            3: ValueFile(Mode.MAC, Rights(1, 1, 0, 0), 0, 100_000, 5_000),
            4: cyclic_file(16, 5, Mode.MAC, both),
        },
    )
    return card


def test_nfc_list_shows_the_card(reader: SimulatedReader) -> None:
    """UID, SAK and the whole ATS; then an empty field."""
    require_tools("nfc-list")
    reader.present(prepared())
    shown = run(reader, "nfc-list", "-v")
    assert "1 ISO14443A passive target(s) found" in shown
    assert "UID (NFCID1): 04  a1  b2  c3  d4  e5  f6" in shown
    assert "SAK (SEL_RES): 20" in shown
    assert "ATS: 75  77  81  02  80" in shown
    assert "MIFARE DESFire EV1 2K/4K/8K" in shown
    reader.remove()
    assert "found" not in run(reader, "nfc-list")


def test_nfc_list_shows_a_pocket_full(reader: SimulatedReader) -> None:
    """Four cards of type A and a resident ID: libnfc lists one, deselects it, and so finds every other."""
    require_tools("nfc-list")
    cards = [prepared(), Phone(Random(1)), ClassicCard(), UidClone(bytes.fromhex("04C10E00000001"))]
    for card in (*cards, ResidentIdCard()):
        reader.present(card)
    shown = run(reader, "nfc-list")
    assert "4 ISO14443A passive target(s) found" in shown
    assert "1 ISO14443B passive target(s) found" in shown
    for card in cards:
        assert f"UID (NFCID{3 if card.uid[0] == 8 else 1}): {card.uid.hex('-').replace('-', '  ')}" in shown


def test_mifare_desfire_info_reads_the_card(reader: SimulatedReader) -> None:
    """Version, key settings and free memory without any key."""
    require_tools("mifare-desfire-info")
    reader.present(prepared())
    shown = run(reader, "mifare-desfire-info")
    for line in (
        "Version information for tag 04a1b2c3d4e5f6",
        "Version:              51.0",
        "Master Key settings (0x0f)",
        "Master Key version: 0",
        "Free memory:",
    ):
        assert line in shown


def test_nfc_poll_waits_for_a_card(reader: SimulatedReader) -> None:
    """InAutoPoll is answered when the card comes, and the tool ends when it goes."""
    require_tools("nfc-poll")
    with subprocess.Popen(["nfc-poll"], env=environment(reader), stdout=subprocess.PIPE, text=True) as tool:
        deadline = time.monotonic() + 10
        while not reader.counters.polls and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)
        reader.present(prepared())
        time.sleep(0.5)
        reader.remove()
        shown, _ = tool.communicate(timeout=20)
    assert "04  a1  b2  c3  d4  e5  f6" in shown


def test_nfc_mfultralight_reads_a_foreign_tag(reader: SimulatedReader, tmp_path: Path) -> None:
    """The Type 2 tag of somebody's festival bracelet."""
    require_tools("nfc-mfultralight")
    reader.present(Type2Card())
    run(reader, "nfc-mfultralight", "r", str(tmp_path / "dump"))
    assert (tmp_path / "dump").read_bytes()[:3] == bytes.fromhex("04C0FF")


@pytest.fixture(scope="module")
def libfreefare_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our C program, compiled."""
    require_tools("cc")
    if not Path("/usr/include/freefare.h").exists():
        missing_system("libfreefare-dev not installed")
    program = tmp_path_factory.mktemp("libfreefare") / "host"
    command = ["cc", "-Wall", "-Wextra", "-Werror", str(SOURCE), "-o", str(program), "-lfreefare", "-lnfc"]
    built = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert built.returncode == 0, built.stderr
    return program


def test_libfreefare_does_whole_transactions(reader: SimulatedReader, libfreefare_host: Path) -> None:
    """Authenticate, MACed and enciphered access, debit, record, commit, change a key; refusals with their status."""
    card = prepared()
    reader.present(card)
    shown = run(reader, str(libfreefare_host))
    assert shown.count("ok ") == 28
    assert card.file_bytes(AID, 2) == b"U" * 32
    assert card.file_bytes(AID, 3) == (3_500).to_bytes(4, "little")
    assert card.file_bytes(AID, 4) == b"U" * 16
