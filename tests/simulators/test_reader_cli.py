# SPDX-License-Identifier: Apache-2.0
"""`pistegate-sim reader` as a person, a script or another program's test runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import nfc.tag.tt4
import pytest
from skips import require_tools

from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.reader import SimulatedReader
from pistegate_simulators.reader.control import Controls
from pistegate_simulators.reader.pocket import KINDS, LAB_MASTERS, pocket

from .desfire_host import Host
from .nfcpy_reader import host, opened, tap

PROGRAM = """
import argparse, sys
from pistegate_simulators.reader.cli import add_parser
parser = argparse.ArgumentParser()
add_parser(parser.add_subparsers(required=True))
args = parser.parse_args()
sys.exit(args.run(args))
"""
Process = subprocess.Popen[str]


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the command with these arguments; whatever still runs at the end of the test is killed."""
    started: list[Process] = []

    def run(*arguments: str) -> Process:
        command = [sys.executable, "-c", PROGRAM, "reader", *arguments]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()


def stop(process: Process, by: signal.Signals) -> tuple[str, str]:
    process.send_signal(by)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    return out, err


def first_line(process: Process) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def say(process: Process, line: str) -> str:
    """A command and the line that answers it."""
    assert process.stdin
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return first_line(process)


def test_path_alone_and_how_to_try_it(start: Start, tmp_path: Path) -> None:
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


def test_what_it_says_to_try_works(start: Start) -> None:
    """Every command of the explanation, as it stands there, from a shell."""
    require_tools("nfc-list", "mifare-desfire-info", "sh")
    process = start("--print-path", "--card", "personalised")
    first_line(process)
    assert process.stderr
    said = ""
    while "kill -USR1" not in said:
        said += process.stderr.readline()
    environment = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    uid = stock.personalised_card(Random("pistegate-sim reader"), LAB_MASTERS).uid.hex()
    commands = re.findall(r'(LIBNFC_DEFAULT_DEVICE=.*|python -c ".*")$', said, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        shown = done.stdout.lower().replace(" ", "")
        assert uid in shown or uid.upper() in done.stdout, done.stdout
    stop(process, signal.SIGINT)


def test_an_unusable_image_is_named(start: Start, tmp_path: Path) -> None:
    """Exit status 2 and the file's name, no traceback."""
    image = tmp_path / "card.json"
    for content in ("nonsense", "[]", "{}", '{"version": 1}', '{"version": 2, "default_key": ["00", 1]}'):
        image.write_text(content)
        process = start("--image", str(image))
        _, said = process.communicate(timeout=10)
        assert process.returncode == 2
        assert "card.json is no card image" in said
        assert "Traceback" not in said


def test_an_image_without_a_card_to_hold_it(start: Start, tmp_path: Path) -> None:
    """A phone has no memory of ours."""
    process = start("--card", "phone", "--image", str(tmp_path / "card.json"))
    _, said = process.communicate(timeout=10)
    assert process.returncode == 2
    assert "--image needs a DESFire card" in said


def test_no_card(start: Start) -> None:
    """An empty field."""
    process = start("--card", "none", "--json")
    told = json.loads(first_line(process))
    assert (told["uid"], told["cards"]) == (None, [])
    stop(process, signal.SIGINT)


def test_every_kind_of_card_can_be_held_to_the_reader(start: Start) -> None:
    """All of them at once, and `none` beside them is nothing."""
    arguments = [word for kind in (*KINDS, "none") for word in ("--card", kind)]
    process = start("--json", *arguments)
    told = json.loads(first_line(process))
    assert [card["kind"] for card in told["cards"]] == list(KINDS)
    state = say(process, "state")
    assert state.count("on the reader") == len(KINDS)
    stop(process, signal.SIGTERM)


def test_the_lab_card_opens_with_the_keys_that_are_told(start: Start) -> None:
    """For a person's own host program."""
    process = start("--json", "--card", "personalised")
    told = json.loads(first_line(process))
    keys = told["cards"][0]["keys"]
    assert set(keys) == {"master", "gate", "issuer", "roll", "picc"}
    with opened(told["path"]) as frontend:
        card = host(frontend)
        card.auth_ev2(0, bytes.fromhex(keys["picc"]))
        card.select(stock.APPLICATION)
        for number, name in enumerate(("master", "gate", "issuer", "roll")):
            card.auth_ev2(number, bytes.fromhex(keys[name]))
    stop(process, signal.SIGINT)


def test_a_foreign_programs_test_tears_the_card(start: Start) -> None:
    """By a line on standard input: the host sees a card that left, and after `hold` one that is back."""
    process = start("--print-path", "--card", "personalised")
    path = first_line(process)
    with opened(path) as frontend:
        tag = tap(frontend)
        assert isinstance(tag, nfc.tag.tt4.Type4Tag)
        tag._dep.n_retry_nak = 0
        assert say(process, "cut 1 during half") == "will cut during exchange 2 from now, half of it done"
        Host(tag.transceive).select(stock.APPLICATION)
        with pytest.raises(nfc.tag.tt4.Type4TagCommandError):
            Host(tag.transceive).raw(0x6F)
        assert "away" in say(process, "state")
        assert tap(frontend) is None
        assert "on the reader" in say(process, "hold")
        assert tap(frontend) is not None
    out, _ = stop(process, signal.SIGINT)
    assert out == ""


def test_signals_take_the_cards_away_and_bring_them_back(start: Start) -> None:
    """SIGUSR1 and SIGUSR2, for a program that has no standard input to it."""
    process = start("--print-path", "--card", "phone", "--card", "desfire")
    first_line(process)
    process.send_signal(signal.SIGUSR1)
    assert first_line(process).count("away") == 2
    process.send_signal(signal.SIGUSR2)
    assert first_line(process).count("on the reader") == 2
    stop(process, signal.SIGTERM)


@pytest.mark.parametrize("end", ["quit", "close and stop"])
def test_the_end_of_standard_input_ends_nothing(start: Start, end: str) -> None:
    """A script's closed pipe is no reason to go; `quit` is."""
    process = start("--print-path")
    first_line(process)
    assert process.stdin
    if end == "quit":
        process.stdin.write("\nquit\n")
        process.stdin.flush()
        assert process.wait(timeout=10) == 0
        process.communicate()
        return
    process.stdin.close()
    process.stdin = None
    time.sleep(0.3)
    assert process.poll() is None
    stop(process, signal.SIGTERM)


def test_commands_are_obeyed_and_nonsense_is_told() -> None:
    """One card of two, counts, and what cannot be read."""
    with SimulatedReader() as reader:
        held = pocket(["desfire", "hotel"], None)
        controls = Controls(reader, held)
        assert controls.obey("hold 2").split("; ")[:2] == [
            "1 desfire 04A1B2C3D4E5F6 away",
            "2 hotel DEADBEEF on the reader",
        ]
        assert controls.obey("hold").count("on the reader") == 2
        assert controls.obey("take 1").count("away") == 1
        assert reader.rf.cards == (held[1].card,)
        assert controls.obey("lose 2") == "will lose 2 answers"
        assert controls.obey("garble 1") == "will garble 1 answers"
        assert controls.obey("cut 4") == "will cut after exchange 5 from now"
        assert controls.obey("cut 0 before") == "will cut before exchange 1 from now"
        assert "SIGUSR1" in controls.obey("help")
        assert controls.obey("  ") == ""
        for nonsense in ("take 3", "take 0", "take x", "cut", "cut x", "cut 1 later", "cut 1 during some", "lose"):
            assert controls.obey(nonsense).startswith("cannot read")
        assert controls.obey("dance") == "unknown command 'dance': help lists them"


def test_a_clone_on_the_command_line_has_the_ski_cards_uid() -> None:
    """So that a person can hold first one, then the other."""
    ours, clone = pocket(["personalised", "clone"], None)
    assert isinstance(ours.card, DesfireCard)
    assert ours.card.uid == clone.card.uid
