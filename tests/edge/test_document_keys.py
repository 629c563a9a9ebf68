# SPDX-License-Identifier: Apache-2.0
"""The handle keys of a gate: sealed as card keys are, checked by one command, never shown."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from binding_cases import HANDLES, SITE
from document_bench import document_sections, private
from gate_bench import gate_tree, toml_of

from pistegate_edge.bindings.keys import are_bare, open_handle_keys
from pistegate_edge.cli import main
from pistegate_edge.errors import KeyStoreError
from pistegate_protocol.handle_keys import format_handle_keys

SECRET = "an unlock secret of the test site"
FOLLOWING = replace(HANDLES, number=2, key=bytes(range(1, 33)))


@pytest.fixture
def unlock(tmp_path: Path) -> Path:
    return private(tmp_path / "unlock", SECRET)


@pytest.fixture
def sealed(tmp_path: Path, unlock: Path) -> Path:
    """Keys 1 and 2 of the site, sealed by the command."""
    bare = private(tmp_path / "bare.toml", format_handle_keys(SITE, [HANDLES, FOLLOWING]))
    path = tmp_path / "sealed"
    assert main(["keys", "seal", "--bare", str(bare), "--sealed", str(path), "--unlock", str(unlock)]) == 0
    return path


def test_sealed_keys_open_with_their_secret(sealed: Path, unlock: Path) -> None:
    """Both of a change, by their number; the file holds nothing in the clear."""
    assert open_handle_keys(str(sealed), str(unlock), SITE) == {1: HANDLES, 2: FOLLOWING}
    assert HANDLES.key.hex() not in sealed.read_text()
    assert not are_bare(str(sealed))


def test_what_cannot_be_used_is_told_with_its_remedy(tmp_path: Path, sealed: Path, unlock: Path) -> None:
    """Sealed and no secret, a wrong one, another site's, none in it, no such file; and no key in any message."""
    wrong = private(tmp_path / "wrong", "quite another secret of the site")
    empty = private(tmp_path / "empty", "")
    cases = [
        ((str(sealed), None, SITE), "name what opens it by .documents. unlock"),
        ((str(sealed), str(wrong), SITE), "does not open it"),
        ((str(sealed), str(unlock), SITE + 1), "export them for this site; export them again"),
        ((str(empty), None, SITE), "there are none in it"),
        ((str(tmp_path / "nowhere"), None, SITE), "correct documents.keys"),
    ]
    for arguments, told in cases:
        with pytest.raises(KeyStoreError, match=told) as error:
            open_handle_keys(*arguments)
        assert HANDLES.key.hex() not in str(error.value)


def test_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """As card keys are."""
    path = private(tmp_path / "bare.toml", format_handle_keys(SITE, [HANDLES]))
    path.chmod(0o644)
    with pytest.raises(KeyStoreError, match="chmod 600"):
        open_handle_keys(str(path), None, SITE)


def test_damaged_export_is_not_sealed(tmp_path: Path, unlock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be found out at the gate otherwise, and the bare file is gone by then."""
    text = format_handle_keys(SITE, [HANDLES]).replace(HANDLES.key.hex(), "00")
    bare, path = private(tmp_path / "bare.toml", text), tmp_path / "sealed"
    assert main(["keys", "seal", "--bare", str(bare), "--sealed", str(path), "--unlock", str(unlock)]) != 0
    assert "export it again" in capsys.readouterr().err
    assert not path.exists()


def test_check_tells_which_keys_a_gate_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Their numbers alone: before `number` is raised in cloud.toml, every gate must show both."""
    journal = tmp_path / "journal"
    config = tmp_path / "gate.toml"
    sections = document_sections(journal, "http://127.0.0.1:1", HANDLES, FOLLOWING)
    config.write_text(toml_of(gate_tree(journal, "/dev/null", **sections)))
    assert main(["keys", "check", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert "handle keys 1, 2" in shown
    assert HANDLES.key.hex() not in shown
    assert main(["keys", "check", "--config", str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["documents"] == [1, 2]
