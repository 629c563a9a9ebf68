# SPDX-License-Identifier: Apache-2.0
"""The commands as a person types them, and what a wrong configuration says."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import free_port

from pistegate_cloud.cards.keys import new_section
from pistegate_cloud.cli import main
from pistegate_cloud.clock import open_clock
from pistegate_cloud.errors import SettingsError
from pistegate_cloud.settings import load_settings
from pistegate_protocol.card_layout import KeySet
from pistegate_protocol.gate_keys import parse_gate_keys
from pistegate_protocol.timepage import TimePage, encode_page

COMMAND = [str(Path(sys.executable).with_name("pistegate-cloud"))]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A working configuration with the embedded broker."""
    path = tmp_path / "cloud.toml"
    path.write_text(f"""
[database]
url = "sqlite://{tmp_path}/data/cloud.sqlite3"
[http]
port = {free_port()}
[broker]
url = "embedded://127.0.0.1:{free_port()}"
[enrolment]
unsigned = true
[issuer]
key_id = 1
private_key = "{"01" * 32}"
[documents]
key_id = 1
private_key = "{"02" * 32}"
{new_section()}""")
    return path


def test_a_first_day(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not before migrating; then a token is made and shown once; a second migration has nothing to do."""
    assert main(["token", "create", "--config", str(config), "--name", "x"]) == 1
    assert f"pistegate-cloud migrate --config {config}" in capsys.readouterr().err
    assert main(["serve", "--config", str(config)]) == 1
    assert "pistegate-cloud migrate" in capsys.readouterr().err
    assert main(["migrate", "--config", str(config)]) == 0
    assert "applied 0001_places" in capsys.readouterr().out
    assert main(["migrate", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "the schema is up to date\n"
    arguments = ["token", "create", "--config", str(config), "--name", "till", "--json"]
    assert main([*arguments, "--scope", "orders:write", "--scope", "orders:read"]) == 0
    token = json.loads(capsys.readouterr().out)
    assert re.fullmatch(r"pg[0-9a-f]{12}_\S{40,}", token["token"])
    assert token["scopes"] == ["orders:write", "orders:read"]
    assert main([*arguments, "--scope", "everything"]) == 1
    assert "there are sites:read" in capsys.readouterr().err
    _first_people(["--config", str(config)], capsys)


def _first_people(config: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The first administrator, a forgotten password, and what is mistyped."""
    li_na = ["staff", "add", *config, "--login", "li.na", "--name", "Li Na 李娜", "--group"]
    assert main([*li_na, "admin"]) == 0
    first = capsys.readouterr().out
    assert re.match(r"li.na: \w{4}-\w{4}-\w{4}\nIt is shown this once", first)
    assert main([*li_na, "admin"]) == 1
    assert "exists" in capsys.readouterr().err
    assert main(["staff", "add", *config, "--login", "Li Na", "--name", "x", "--group", "admin"]) == 1
    assert "--login" in capsys.readouterr().err
    assert main(["staff", "add", *config, "--login", "bo", "--name", "x", "--group", "kings"]) == 1
    assert "group kings" in capsys.readouterr().err
    assert main(["staff", "reset", *config, "li.na", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["password"] not in first
    assert main(["staff", "reset", *config, "nobody"]) == 1
    assert "staff list" in capsys.readouterr().err
    assert main(["staff", "list", *config]) == 0
    assert "Li Na 李娜" in capsys.readouterr().out


def test_openapi_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The same document that is served."""
    assert main(["openapi"]) == 0
    assert "/api/v1/orders" in json.loads(capsys.readouterr().out)["paths"]


COMMANDS = ("", "serve", "migrate", "token", "token create", "keys", "keys new", "keys export", "openapi")


@pytest.mark.parametrize("command", [words.split() for words in COMMANDS])
def test_help_shows_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every command."""
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    assert "pistegate-cloud serve --config cloud.toml" in capsys.readouterr().out


def test_help_is_quick() -> None:
    """Asking for help imports neither web framework nor ORM."""
    code = (
        "import sys, pistegate_cloud.cli as c; print([m for m in ('fastapi', 'tortoise', 'amqtt') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def export(config: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["keys", "export", "--config", str(config), "--for", "gate", *arguments])
    told = capsys.readouterr()
    return status, told.out, told.err


def test_a_gate_gets_the_gate_key_and_no_other(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file that `pistegate-gate keys seal` takes, with a warning what it is; no other master is in it."""
    masters = load_settings(config).card_keys
    status, file, warning = export(config, capsys)
    assert status == 0
    assert "delete it" in warning
    keys = parse_gate_keys(file)
    assert (keys.system.hex(), keys.prefer, dict(keys.gate)) == (
        masters.system,
        KeySet.FIRST,
        {KeySet.FIRST: bytes.fromhex(masters.gate_0)},
    )
    assert keys.roll is None
    for name in masters.__struct_fields__:
        if name not in ("system", "gate_0", "transport"):
            assert getattr(masters, name) not in file, name


def test_after_a_theft_gates_get_both_sets_and_the_roll_key(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second set preferred; and never a choice that helps nobody."""
    masters = load_settings(config).card_keys
    status, file, _ = export(config, capsys, "--sets", "0,1", "--prefer", "1", "--with-roll")
    assert status == 0
    keys = parse_gate_keys(file)
    assert keys.prefer is KeySet.SECOND
    assert set(keys.gate.values()) == {bytes.fromhex(masters.gate_0), bytes.fromhex(masters.gate_1)}
    assert keys.roll == bytes.fromhex(masters.roll_0)
    for wrong in (["--with-roll"], ["--prefer", "1"], ["--sets", "2"], ["--sets", "x"], ["--prefer", "7"]):
        status, file, told = export(config, capsys, *wrong)
        assert (status, file) == (1, ""), wrong
        assert "set" in told


def test_one_key_for_two_purposes_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A gate that holds the issuer's key could credit; one key in both sets would outlive a theft."""
    masters = load_settings(config).card_keys
    for one, other in (("issuer_0", "gate_0"), ("gate_1", "gate_0"), ("picc", "master_0")):
        text = config.read_text()
        config.write_text(text.replace(getattr(masters, one), getattr(masters, other).upper()))
        assert main(["migrate", "--config", str(config)]) == 1
        assert "is the same key as card_keys." in capsys.readouterr().err
        config.write_text(text)


def test_new_keys_differ_and_are_told_as_a_section(capsys: pytest.CaptureFixture[str]) -> None:
    """What cloud.toml needs, different at each call."""
    assert main(["keys", "new"]) == 0
    first = capsys.readouterr().out
    assert main(["keys", "new"]) == 0
    assert first.startswith("[card_keys]\n")
    assert first != capsys.readouterr().out


@pytest.fixture
def served(config: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A serving process and its address."""
    subprocess.run([*COMMAND, "migrate", "--config", config], check=True, capture_output=True)
    base = f"http://127.0.0.1:{load_settings(config).http.port}/api/v1"
    log = config.with_name("serve.log")
    with log.open("wb") as output:
        process = subprocess.Popen([*COMMAND, "serve", "--config", config], stderr=output)
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(f"{base}/health") as answer:
                if json.load(answer)["broker"]:
                    break
        except OSError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    yield process, base
    process.kill()
    process.wait()


def test_serving_says_its_address_and_ends_at_sigterm(
    served: tuple[subprocess.Popen[bytes], str], config: Path
) -> None:
    """With exit status 0, the database closed (no write-ahead log left behind)."""
    process, base = served
    assert f"{base}/openapi.json" in config.with_name("serve.log").read_text()
    with urllib.request.urlopen(f"{base}/openapi.json") as answer:
        assert json.load(answer)["info"]["title"] == "Pistegate"
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(20) == 0
    assert not list(config.parent.glob("data/*-wal"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[database]", "[databse]"), "databse"),
        (("sqlite://", "mysql://"), "expected sqlite://... or postgres://"),
        (("embedded://", "amqp://"), "expected mqtt://... or mqtts://... or embedded://"),
        (('gate_0 = "', 'gate_0 = "x'), "card_keys.gate_0"),
        (('system = "', 'system = "f'), "card_keys.system"),
        (("roll_1 = ", "rol_1 = "), "rol_1"),
        (('private_key = "01', 'private_key = "1'), "issuer.private_key"),
        (("key_id = 1", "key_id = 256"), "issuer.key_id"),
        (("[http]\nport = ", "[http]\nport = 9999999"), "http.port"),
        (("[issuer]", "[issuer"), "no valid TOML"),
        (("[http]", "[http]\nhots = 1"), "hots"),
    ],
)
def test_a_wrong_value_is_named(
    config: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, str], says: str
) -> None:
    """File, key and what is expected; exit status 1, no traceback."""
    config.write_text(config.read_text().replace(*change, 1))
    assert main(["migrate", "--config", str(config)]) == 1
    said = capsys.readouterr().err
    assert str(config) in said
    assert says in said
    assert "Traceback" not in said


def test_a_missing_configuration_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its path."""
    assert main(["serve", "--config", str(tmp_path / "none.toml")]) == 1
    assert "none.toml cannot be read" in capsys.readouterr().err


def test_time_comes_from_the_page(tmp_path: Path) -> None:
    """At the page's rate; a page half written is read again; a missing or broken one is named."""
    path = tmp_path / "page"
    now = time.monotonic_ns()
    path.write_bytes(encode_page(TimePage(now, 1_000_000_000_000_000_000, 1000.0, 1)))
    clock = open_clock(str(path))
    first = clock.wall_ms()
    time.sleep(0.05)
    assert first >= 1_000_000_000_000
    assert clock.wall_ms() - first >= 50_000
    with pytest.raises(SettingsError, match="start the time source"):
        open_clock(str(tmp_path / "none"))
    path.write_bytes(bytes(40))
    with pytest.raises(SettingsError, match="no valid time"):
        open_clock(str(path))
    path.write_bytes(b"short")
    with pytest.raises(SettingsError, match="shorter"):
        open_clock(str(path))


def test_system_time_is_the_machines() -> None:
    """Within a second."""
    clock: Any = open_clock("system")
    assert abs(clock.wall_ms() / 1000 - time.time()) < 1
