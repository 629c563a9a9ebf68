# SPDX-License-Identifier: Apache-2.0
"""The gate's card keys at rest: no clear keys on a stolen SD card, and each wrong file told by its remedy."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_bench import MASTERS, gate_keys, gate_tree, key_file, running_gate, ski_card, toml_of, wait_for
from gpiozero import Device  # type: ignore[import-untyped]
from gpiozero.pins.mock import MockFactory  # type: ignore[import-untyped]
from journal_reading import incidents

from pistegate_edge.cli import main
from pistegate_edge.config import KeyStoreFile
from pistegate_edge.errors import KeyStoreError
from pistegate_edge.keystore.opening import open_key_store
from pistegate_edge.keystore.sealed import seal, unseal
from pistegate_edge.keystore.store import MasterKeyStore
from pistegate_protocol.card_layout import CardKey, KeySet
from pistegate_protocol.gate_keys import format_gate_keys
from pistegate_simulators.reader import SimulatedReader

UID = bytes.fromhex("04112233445566")
SECRET = b"0123456789abcdef0123456789abcdef"


def sealed(tmp_path: Path, secret: bytes = SECRET) -> KeyStoreFile:
    """A sealed key file and its unlock secret beside it."""
    return KeyStoreFile(
        str(private(tmp_path / "keys", seal(format_gate_keys(gate_keys(roll=True)), SECRET))),
        str(private(tmp_path / "unlock", secret.decode() + "\n")),
    )


def private(path: Path, text: str) -> Path:
    """A file for its owner alone."""
    path.touch(0o600)
    path.write_text(text)
    return path


def told(section: KeyStoreFile) -> str:
    """What is wrong with it."""
    with pytest.raises(KeyStoreError) as error:
        open_key_store(section)
    return str(error.value)


@pytest.mark.parametrize("key_set", list(KeySet))
def test_a_card_gets_the_key_that_the_card_itself_holds(key_set: KeySet) -> None:
    """Diversified per card and set as card stock does it by its own cryptography."""
    store = MasterKeyStore(gate_keys(roll=True))
    assert store.gate_key(UID, key_set) == MASTERS.card_key(UID, CardKey.GATE, key_set)
    assert store.roll_key(UID) == MASTERS.card_key(UID, CardKey.ROLL)


def test_preferred_key_set_comes_first() -> None:
    """After a theft the second; a gate may also hold one set only, and has no roll key unless it was given one."""
    assert MasterKeyStore(gate_keys(KeySet.FIRST, sets=KeySet)).sets == (KeySet.FIRST, KeySet.SECOND)
    assert MasterKeyStore(gate_keys(KeySet.SECOND)).sets == (KeySet.SECOND, KeySet.FIRST)
    assert MasterKeyStore(gate_keys()).sets == (KeySet.FIRST,)
    assert MasterKeyStore(gate_keys()).roll_key(UID) is None


def test_sealed_file_opens_with_its_secret_and_shows_nothing(tmp_path: Path) -> None:
    """No key and no system identifier is readable in it; opened, it is no matter for a warning."""
    section = sealed(tmp_path)
    content = Path(section.path).read_text()
    for keys in MASTERS.sets:
        assert keys[CardKey.GATE].hex() not in content
        assert keys[CardKey.GATE] not in bytes.fromhex(content.rpartition('"')[0].rpartition('"')[2])
    store = open_key_store(section)
    assert store.warning is None
    assert store.gate_key(UID, KeySet.FIRST) == MASTERS.card_key(UID, CardKey.GATE)


def test_the_same_keys_are_never_sealed_alike() -> None:
    """Salt and nonce are fresh each time: two gates' files tell nothing by comparison."""
    one, other = seal("keys", SECRET), seal("keys", SECRET)
    for name in ("salt", "check", "nonce", "text"):
        assert line(one, name) != line(other, name)


def line(text: str, name: str) -> str:
    """One line of a sealed file."""
    return next(each for each in text.splitlines() if each.startswith(f"{name} = "))


def test_bare_file_says_lab_only(tmp_path: Path) -> None:
    """It opens, for a laboratory has no secrets, and warns."""
    store = open_key_store(KeyStoreFile(str(key_file(tmp_path))))
    assert store.warning is not None
    assert "lab only" in store.warning


def test_wrong_unlock_secret_is_told_apart_from_damage(tmp_path: Path) -> None:
    """A technician who confused two gates' secrets is not sent to export keys again."""
    assert "does not open it" in told(sealed(tmp_path, SECRET[::-1]))


@pytest.mark.parametrize(
    ("name", "words"),
    [("text", "damaged"), ("nonce", "damaged"), ("n", "does not open it"), ("salt", "does not open it")],
)
def test_changed_sealed_file_opens_no_more(tmp_path: Path, name: str, words: str) -> None:
    """Any change of it; one of what makes the key looks like another secret."""
    section = sealed(tmp_path)
    path = Path(section.path)
    whole = path.read_text()
    old = line(whole, name)
    new = "n = 16384" if name == "n" else old[:-2] + ("1" if old[-2] != "1" else "2") + '"'
    path.write_text(whole.replace(old, new))
    problem = told(section)
    assert words in problem
    assert str(path) in problem


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda text: text.replace("sealed = 1", "sealed = 2"), "another release"),
        (lambda text: text.replace("n = 32768", "n = 1073741824"), "out of range"),
        (lambda text: text.replace("n = 32768", "n = 32767"), "out of range"),
        (lambda text: text.replace('nonce = "', 'nonce = "00'), "wrong length"),
        (lambda text: re.sub("check = .*\n", "", text), "check"),
    ],
    ids=["half", "newer", "huge", "no power of two", "long nonce", "missing"],
)
def test_sealed_file_that_cannot_be_whole_is_told(tmp_path: Path, harm: object, words: str) -> None:
    """Bad input: cut short, of a newer release, or made to take a gigabyte of memory."""
    section = sealed(tmp_path)
    path = Path(section.path)
    path.write_text(harm(path.read_text()))  # type: ignore[operator]
    assert words in told(section)


def test_missing_unlock_and_missing_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with the place in gate.toml."""
    section = sealed(tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert "[key_store] unlock" in told(KeyStoreFile(section.path))
    assert "key_store.unlock" in told(KeyStoreFile(section.path, str(tmp_path / "none")))
    assert "key_store.path" in told(KeyStoreFile(str(tmp_path / "none")))
    assert "LoadCredentialEncrypted=unlock" in told(KeyStoreFile(section.path, "credential:unlock"))
    assert "this is no key file" in told(KeyStoreFile(section.path, str(binary(tmp_path))))
    short = private(tmp_path / "short", "hunter2")
    assert "openssl rand -hex 32" in told(KeyStoreFile(section.path, str(short)))


def binary(tmp_path: Path) -> Path:
    """A file that is no text."""
    path = private(tmp_path / "binary", "")
    path.write_bytes(b"\xff\x00" * 40)
    return path


@pytest.mark.parametrize("which", ["path", "unlock"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_key_files_that_others_may_use_are_refused(tmp_path: Path, which: str, mode: int) -> None:
    """Any other process of the gate could copy the keys: the remedy is told, nothing is opened."""
    section = sealed(tmp_path)
    Path(getattr(section, which)).chmod(mode)
    assert f"chmod 600 {getattr(section, which)}" in told(section)


def test_systemd_credential_unlocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's credential is a file of systemd's, whose access list shows as a group's right."""
    section = sealed(tmp_path)
    (tmp_path / "unlock").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert open_key_store(KeyStoreFile(section.path, "credential:unlock")).warning is None


def test_bare_file_of_a_newer_release_is_told(tmp_path: Path) -> None:
    """With the remedy."""
    path = key_file(tmp_path)
    path.write_text(path.read_text().replace("version = 1", "version = 9"))
    assert "export it again from the cloud" in told(KeyStoreFile(str(path)))


def test_keys_are_sealed_by_the_command_and_checked_with_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way of an export onto a gate: seal, check; no key is ever printed."""
    bare = key_file(tmp_path, gate_keys(roll=True))
    target, unlock = tmp_path / "keys", private(tmp_path / "unlock", SECRET.decode())
    seal_it = ["keys", "seal", "--bare", str(bare), "--sealed", str(target), "--unlock", str(unlock)]
    assert main(seal_it) == 0
    assert target.stat().st_mode & 0o777 == 0o600
    assert unseal(target.read_text(), SECRET) == bare.read_text()
    config = tmp_path / "gate.toml"
    config.write_text(toml_of(gate_tree(tmp_path, key_store={"path": str(target), "unlock": str(unlock)})))
    assert main(["keys", "check", "--config", str(config), "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "now delete" in lines[0]
    assert json.loads(lines[1]) == {"path": str(target), "sealed": True, "sets": [0, 1], "rolls_cards": True}
    config.write_text(toml_of(gate_tree(tmp_path)))
    assert main(["keys", "check", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "lab only" in shown
    assert MASTERS.sets[0][CardKey.GATE].hex() not in shown
    assert main(["keys", "seal", "--bare", str(target), "--sealed", str(target), "--unlock", str(unlock)]) == 2
    assert "sealed already" in capsys.readouterr().err


def test_sealing_what_is_no_key_file_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input: the file on the gate stays as it was."""
    target, unlock = private(tmp_path / "keys", "old"), private(tmp_path / "unlock", SECRET.decode())
    wrong = private(tmp_path / "wrong", "version = 1\n")
    assert main(["keys", "seal", "--bare", str(wrong), "--sealed", str(target), "--unlock", str(unlock)]) == 2
    assert "export it again" in capsys.readouterr().err
    assert target.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["keys", "unlock", "wrong"]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SimulatedReader]:
    """A plugged-in reader behind a stable link."""
    with SimulatedReader(tmp_path / "reader") as reader:
        yield reader


def test_gate_on_a_bare_key_file_says_so_at_every_start_and_to_the_cloud(
    tmp_path: Path, reader: SimulatedReader, caplog: pytest.LogCaptureFixture
) -> None:
    """In its log, on its screen, as an incident, and in every hello."""
    display = {"locale": "en", "path": str(tmp_path / "display")}
    for starts in (1, 2):
        with running_gate(tmp_path, reader, display=display) as bench:
            assert bench.gate._state() == "in_service; alone, group of 1; lab only"
        assert incidents(tmp_path).count("lab_keys") == starts
    assert [record.levelname for record in caplog.records if "lab only" in record.message] == ["WARNING"] * 2
    assert "for a lab only" in (tmp_path / "display").read_text()


def test_gate_on_a_sealed_key_file_has_nothing_to_say(tmp_path: Path, reader: SimulatedReader) -> None:
    """And opens cards with what was sealed."""
    section = sealed(tmp_path)
    names = {"path": section.path, "unlock": str(section.unlock)}
    with running_gate(tmp_path, reader, key_store=names) as bench:
        assert bench.gate._state() == "in_service; alone, group of 1"
        reader.present(ski_card())
        wait_for(lambda: bench.state() == "open")
    assert "lab_keys" not in incidents(tmp_path)


def test_gate_without_its_keys_ends_at_once_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2 and the remedy; no crash loop that hides the reason."""
    config = tmp_path / "gate.toml"
    tree = gate_tree(tmp_path, key_store={"path": str(tmp_path / "none")})
    config.write_text(toml_of(tree))
    Device.pin_factory = MockFactory()
    assert main(["run", "--config", str(config)]) == 2
    assert "key_store.path" in capsys.readouterr().err
