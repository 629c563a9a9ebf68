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

from pistegate_cloud.cli import main
from pistegate_cloud.clock import open_clock
from pistegate_cloud.errors import SettingsError
from pistegate_cloud.settings import load_settings
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
[issuer]
key_id = 1
private_key = "{"01" * 32}"
[documents]
key_id = 1
private_key = "{"02" * 32}"
[card_keys]
gate = "{"11" * 16}"
issuer = "{"22" * 16}"
""")
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


def test_openapi_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The same document that is served."""
    assert main(["openapi"]) == 0
    assert "/api/v1/orders" in json.loads(capsys.readouterr().out)["paths"]


@pytest.mark.parametrize("command", [[], ["serve"], ["migrate"], ["token"], ["token", "create"], ["openapi"]])
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
        (("embedded://", "amqp://"), "expected mqtt://... or embedded://"),
        (('gate = "11', 'gate = "xx'), "card_keys.gate"),
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
