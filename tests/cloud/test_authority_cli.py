# SPDX-License-Identifier: Apache-2.0
"""pistegate-cloud authority and gate: what an operator types, and what they are told when it cannot be."""

import json
from pathlib import Path

import pytest
from card_stock import card_key_settings

from pistegate_cloud.cli import main


@pytest.fixture
def config(sqlite_template: Path, tmp_path: Path) -> Path:
    """A cloud.toml on an open site, with an authority."""
    database = tmp_path / "cloud.sqlite3"
    database.write_bytes(sqlite_template.read_bytes())
    assert main(["authority", "init", "--directory", str(tmp_path / "authority"), "--name", "Snow Valley"]) == 0
    keys = "\n".join(f'{name} = "{value}"' for name, value in card_key_settings().items())
    path = tmp_path / "cloud.toml"
    path.write_text(
        f'[database]\nurl = "sqlite://{database}"\n[issuer]\nkey_id = 1\nprivate_key = "{"01" * 32}"\n'
        f'[documents]\nkey_id = 2\nprivate_key = "{"02" * 32}"\n[card_keys]\n{keys}\n'
        f'[enrolment]\nauthority = "{tmp_path}/authority"\nurl = "https://cloud.example"\n'
    )
    return path


def gate(config: Path, verb: str, *words: str) -> int:
    return main(["gate", verb, "--config", str(config), "--site", "1", *words])


def test_a_code_is_one_line_to_type(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the address and the code; as JSON for programs."""
    assert gate(config, "enrol", "3") == 0
    line = capsys.readouterr().out.splitlines()[-2].split()
    assert line[:2] == ["pistegate-gate", "enrol"]
    assert line[4:7] == ["--cloud", "https://cloud.example", "--code"]
    assert gate(config, "enrol", "3", "--json") == 0
    code = json.loads(capsys.readouterr().out)["code"]
    assert [len(group) for group in code.split("-")] == [4] * 7


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("enrol", "77"), "There is no gate 77 of site 1"),
        (("enrol", "3", "--role", "till"), "There is no till 3 of site 1"),
        (("revoke", "3", "--reason", "stolen"), "has no key in use"),
        (("approve", "3"), "does not wait for anybody's word"),
        (("takeover", "3", "--of", "77"), "There is no gate 77"),
        (("takeover", "3", "--of", "1", "--days", "0"), "--days is from 1"),
    ],
)
def test_what_cannot_be_done_is_said(
    config: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    """With a status that is not 0."""
    capsys.readouterr()
    assert gate(config, *words) == 1
    assert told in capsys.readouterr().err


def test_status_lists_every_device_and_says_whether_the_unsigned_are_heard(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The release-0.1 door is shown while it is open."""
    assert gate(config, "status") == 0
    out = capsys.readouterr().out
    assert out.count("unsigned ") >= 5
    assert "(unsigned) are not heard" in out
    config.write_text(config.read_text() + "unsigned = true\n")
    assert gate(config, "status") == 0
    assert "heard: [enrolment] unsigned = true" in capsys.readouterr().out


def test_an_empty_quarantine_is_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also as JSON."""
    capsys.readouterr()
    assert gate(config, "quarantine", "3") == 0
    assert "nothing of it lies there" in capsys.readouterr().out
    assert gate(config, "quarantine", "3", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_an_authority_is_made_once_and_kept_from_others(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second one would be a stranger to every device; a key that others can read is not used."""
    directory = config.parent / "authority"
    assert main(["authority", "init", "--directory", str(directory), "--name", "x"]) == 1
    assert "holds an authority already" in capsys.readouterr().err
    (directory / "root.key").chmod(0o644)
    assert gate(config, "enrol", "3") == 1
    assert "chmod 600" in capsys.readouterr().err
    (directory / "root.key").unlink()
    assert gate(config, "enrol", "3") == 1
    assert "put its files back from the backup" in capsys.readouterr().err


def test_without_an_authority_nobody_enrols_and_the_cloud_does_not_start_deaf(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what to do."""
    config.write_text(config.read_text().replace("authority =", "#"))
    assert gate(config, "enrol", "3") == 1
    assert "pistegate-cloud authority init" in capsys.readouterr().err
    assert main(["serve", "--config", str(config)]) == 1
    assert "no device could be heard" in capsys.readouterr().err


def test_the_brokers_files_are_written_once_with_private_keys_for_their_owner(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What to do with them is said; a second time is refused, for the first may be in use."""
    folder = config.parent / "mosquitto"
    words = ["authority", "broker", "--config", str(config), "--host", "broker.example", "--directory", str(folder)]
    assert main(words) == 0
    assert 'url = "mqtts://broker.example:8883"' in capsys.readouterr().out
    assert {path.name for path in folder.iterdir()} == {
        *("authority.pem", "broker.pem", "broker.key", "cloud.pem", "cloud.key", "rules.acl", "conf.d"),
    }
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.glob("*.key"))
    assert "require_certificate true" in (folder / "conf.d" / "pistegate.conf").read_text()
    assert main(words) == 1
    assert "name a new directory" in capsys.readouterr().err
