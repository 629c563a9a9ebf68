# SPDX-License-Identifier: Apache-2.0
"""Scanners that play keyboards: keys to lines, and the thread on a made-up keyboard; on uinput where there is one."""

import os
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from scanner_bench import Bench

from pistegate_edge.scanners import keyboard
from pistegate_edge.scanners.keyboard import EvdevSource, KeySource, keyboard_opener
from pistegate_edge.scanners.keys import DROPPED, PLAIN, SHIFTED, UNKNOWN, Key, KeyLines
from pistegate_edge.scanners.scanner import Scanner

SHIFT, ENTER, CAPS, LEFTCTRL = 42, 28, 58, 29
TYPEABLE = "".join(chr(code) for code in range(32, 127))


def press(code: int) -> list[Key]:
    return [Key(code, 1), Key(code, 0)]


def typing(text: str) -> list[Key]:
    """As a scanner types it: Shift around every shifted character."""
    keys: list[Key] = []
    for character in text:
        plain = [code for code, key in PLAIN.items() if key == character]
        shifted = [code for code, key in SHIFTED.items() if key == character]
        keys += press(plain[0]) if plain else [Key(SHIFT, 1), *press(shifted[0]), Key(SHIFT, 0)]
    return keys + press(ENTER)


def lines(*keys: Key) -> list[str]:
    return [line.text for line in KeyLines().typed(keys, 1.0)]


def test_every_character_that_can_be_typed_arrives() -> None:
    """All printable ASCII, each with its own key."""
    assert lines(*typing(TYPEABLE)) == [TYPEABLE]


def test_keys_that_the_kernel_repeats_are_typed_once() -> None:
    """A busy machine lets a key seem held: AAAA must not become of A."""
    assert lines(Key(30, 1), Key(30, 2), Key(30, 2), Key(30, 0), *press(ENTER)) == ["a"]


def test_lost_keys_make_a_line_that_no_parser_takes() -> None:
    """The kernel's buffer ran over in the middle of a code: a shorter code is not read as another ticket."""
    assert lines(*press(30), Key(DROPPED, 1), *press(48), *press(ENTER)) == [f"a{UNKNOWN}b"]


def test_a_shift_whose_release_was_lost_does_not_last() -> None:
    """After keys were dropped the next line is read afresh."""
    found = lines(Key(SHIFT, 1), Key(DROPPED, 1), *press(ENTER), *press(30), *press(ENTER))
    assert found == [UNKNOWN, "a"]


def test_unknown_keys_make_a_line_that_no_parser_takes() -> None:
    """Ctrl+] of a GS1 code, a function key: refused, not dropped in silence."""
    assert lines(*press(LEFTCTRL), *press(30), *press(59), *press(ENTER)) == [f"{UNKNOWN}a{UNKNOWN}"]


def test_caps_lock_swaps_case_as_long_as_it_is_on() -> None:
    """Some scanners type it; none of it is lost."""
    assert lines(*press(CAPS), *typing("aB1"), *press(CAPS), *typing("aB1")) == ["Ab1", "aB1"]


def test_silence_ends_a_line_without_enter() -> None:
    """A scanner set to no suffix works too."""
    keys = KeyLines()
    assert keys.typed(press(30), 1.0) == []
    assert [line.text for line in keys.quiet(1.5)] == ["a"]


class FakeKeyboard:
    """A socket pair in place of /dev/input: keys are sent as eight bytes."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.name = "fake"
        self.closed = False

    def type(self, keys: Iterable[Key]) -> None:
        self.ours.sendall(b"".join(struct.pack("<ii", key.code, key.value) for key in keys))

    def fileno(self) -> int:
        return self.theirs.fileno()

    def read(self) -> Iterable[Key]:
        data = self.theirs.recv(4096)
        if not data:
            raise OSError(19, "No such device")
        for at in range(0, len(data), 8):
            yield Key(*struct.unpack("<ii", data[at : at + 8]))

    def close(self) -> None:
        self.closed = True
        self.theirs.close()


@pytest.fixture
def plugged() -> Iterator[list[FakeKeyboard]]:
    """Keyboards as they were opened."""
    opened: list[FakeKeyboard] = []
    yield opened
    for one in opened:
        one.ours.close()
        one.theirs.close()


@pytest.fixture
def gate(plugged: list[FakeKeyboard]) -> Iterator[Bench]:
    """A scanner's thread on made-up keyboards."""

    def source(path: str) -> KeySource:
        assert path == "/dev/input/by-id/scanner"
        plugged.append(FakeKeyboard())
        return plugged[-1]

    opener = keyboard_opener("/dev/input/by-id/scanner", source)
    with Bench(lambda tell: Scanner(opener, tell, time.monotonic)) as bench:
        yield bench


def test_codes_typed_by_a_scanner_are_told(gate: Bench, plugged: list[FakeKeyboard]) -> None:
    """The same thread as for serial ones."""
    assert "fake" in gate.ready().what
    plugged[0].type(typing("PG1/ABC"))
    assert gate.line() == "PG1/ABC"


def test_a_keyboard_unplugged_in_the_middle_of_a_code_comes_back_clean(
    gate: Bench, plugged: list[FakeKeyboard]
) -> None:
    """Half a code and a held Shift are forgotten; the device was let go of."""
    gate.ready()
    plugged[0].type([Key(SHIFT, 1), *press(30)])
    time.sleep(0.05)
    plugged[0].ours.close()
    gate.lost()
    assert plugged[0].closed
    gate.ready()
    plugged[1].type(typing("ok"))
    assert gate.line() == "ok"


def test_without_the_extra_the_gate_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no wheels: a gate without it runs, and the scanner's fault holds the command."""
    monkeypatch.setitem(sys.modules, "evdev", None)
    with Bench(lambda tell: Scanner(keyboard_opener("/dev/input/event0"), tell, time.monotonic)) as bench:
        assert "pip install 'pistegate-edge[keyboard]'" in bench.lost().detail


def test_evdev_is_not_imported_before_a_keyboard_is_opened() -> None:
    """The module that reads keyboards works without it."""
    assert not hasattr(keyboard, "evdev")


def test_key_codes_are_those_of_the_kernel() -> None:
    """Against evdev's table, made from the kernel's headers."""
    evdev = pytest.importorskip("evdev")
    names = {"-": "MINUS", "=": "EQUAL", "[": "LEFTBRACE", "]": "RIGHTBRACE", ";": "SEMICOLON", "'": "APOSTROPHE"}
    names |= {"`": "GRAVE", "\\": "BACKSLASH", ",": "COMMA", ".": "DOT", "/": "SLASH", " ": "SPACE", "*": "KPASTERISK"}
    for code, key in PLAIN.items():
        kernel = evdev.ecodes.KEY[code]
        assert f"KEY_{names.get(key, key.upper())}" in kernel or str(kernel).startswith("KEY_KP")
    assert (evdev.ecodes.KEY_LEFTSHIFT, evdev.ecodes.KEY_ENTER, evdev.ecodes.KEY_TAB) == (42, 28, 15)
    assert (evdev.ecodes.EV_KEY, evdev.ecodes.SYN_DROPPED) == (keyboard._EV_KEY, keyboard._SYN_DROPPED)


def test_a_real_input_device_is_grabbed_and_read() -> None:
    """On uinput: what the scanner types arrives, and a second program cannot grab it."""
    if not os.access("/dev/uinput", os.W_OK) or not Path("/dev/input").exists():
        pytest.skip("no input devices here: /dev/uinput is wanted")  # a kernel's, not a package
    evdev = pytest.importorskip("evdev")
    with evdev.UInput(name="pistegate test scanner") as device:
        time.sleep(0.5)
        path = device.device.path
        with Bench(lambda tell: Scanner(keyboard_opener(path), tell, time.monotonic)) as bench:
            bench.ready()
            with pytest.raises(OSError, match="busy"):
                EvdevSource(path)
            for key in typing("PG1/abc"):
                device.write(evdev.ecodes.EV_KEY, key.code, key.value)
                device.syn()
            assert bench.line() == "PG1/abc"
