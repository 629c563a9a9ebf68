# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim reader` as a person or a script runs it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from .nfcpy_reader import host, opened

PROGRAM = """
import argparse, sys
from pistegate_simulators.reader.cli import add_parser
parser = argparse.ArgumentParser()
add_parser(parser.add_subparsers(required=True))
args = parser.parse_args()
sys.exit(args.run(args))
"""


def start(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAM, "reader", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(process: "subprocess.Popen[str]", by: signal.Signals) -> tuple[str, str]:
    process.send_signal(by)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    return out, err


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_path_alone_and_how_to_try_it(tmp_path: Path) -> None:
    """The device is on the first line, and works; the explanation goes to standard error; the card is kept."""
    image = tmp_path / "card.json"
    process = start("--print-path", "--image", str(image))
    path = first_line(process)
    with opened(path) as frontend:
        host(frontend).exchange(0xCA, bytes.fromhex("3147500F81"))
    _, said = stop(process, signal.SIGINT)
    assert f"pn532_uart:{path}:115200 nfc-list" in said
    again = start("--json", "--image", str(image), "--link", str(tmp_path / "reader"))
    told = json.loads(first_line(again))
    assert told["path"] == str(tmp_path / "reader")
    with opened(told["path"]) as frontend:
        host(frontend).select(0x504731)
    stop(again, signal.SIGTERM)


def test_an_unusable_image_is_named(tmp_path: Path) -> None:
    """Exit status 2 and the file's name, no traceback."""
    image = tmp_path / "card.json"
    for content in ("nonsense", "[]", "{}", '{"version": 1}'):
        image.write_text(content)
        process = start("--image", str(image))
        _, said = process.communicate(timeout=10)
        assert process.returncode == 2
        assert "card.json is no card image" in said
        assert "Traceback" not in said


def test_no_card(tmp_path: Path) -> None:
    """An empty field."""
    process = start("--card", "none", "--json")
    assert json.loads(first_line(process))["uid"] is None
    stop(process, signal.SIGINT)
