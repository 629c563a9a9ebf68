# SPDX-License-Identifier: Apache-2.0
"""From power to the loop, and what happens when the firmware fails.

An error latches: everything off, the reason is kept in a file, the watchdog restarts the board, and it stays off and
says why until somebody resets it. A file named `service` keeps the firmware from starting: `board flash` is at work.
"""

import binascii
import gc
import json
import os
import sys
import time

import machine

from lane_board.line import UsbLine
from lane_board.link import Link
from lane_board.loop import Loop
from lane_board.pins import Pins
from lane_board.ticks import Clock
from pistegate_edge.lane.core import messages, words

PROFILE = "lane_profile.json"
BUILD = "lane_build.json"  # written last by `board flash`
CRASH = "lane_crash.txt"
SERVICE = "service"
FORMAT = 1  # of the profile, as the host's `profiles.board_document` makes it
WATCHDOG_MS = 2000  # longer than a write to the flash, shorter than anybody waits at a gate
TURN_MS = 1  # rest of a turn: USB is served meanwhile


def main() -> None:
    """Run until the host wants the console; never returns otherwise."""
    if exists(SERVICE):
        print("service: the lane is not driven; remove the file", SERVICE, "and reset")
        return
    raw = read(PROFILE)
    profile = json.loads(raw)
    if profile["format"] != FORMAT:
        raise ValueError("lane_profile.json has another format: run `pistegate-gate board flash`")
    pins = Pins(machine.Pin, profile)
    pins.safe()
    line = UsbLine()
    try:
        run(raw, profile, pins, line)
    except Exception as error:  # noqa: BLE001 - whatever it is, the lane must be safe
        pins.safe()
        latch(error)
        while True:
            time.sleep_ms(10)  # until the watchdog bites
    finally:
        pins.safe()
        line.close()


def run(raw: bytes, profile: dict, pins: Pins, line: UsbLine) -> None:
    """The loop; returns when the host wants the console."""
    watchdog = machine.WDT(timeout=WATCHDOG_MS)
    crash = messages.cut(read(CRASH).decode()) if exists(CRASH) else ""
    build = json.loads(read(BUILD))
    identity = {"profile": messages.short_hash(raw), "build": build["build"], "version": build["version"]}
    lane = None if crash else open_lane(profile["profile"])
    boot = binascii.hexlify(os.urandom(4)).decode()
    link = Link(identity, boot, lane, crash)
    loop = Loop(pins, lane, link, line, watchdog.feed, gc.collect, sweep(profile["profile"]))
    clock = Clock(time.ticks_ms, time.ticks_diff)
    gc.collect()
    link.lines.add(0, "started " + boot + ", memory free: " + str(gc.mem_free()))
    while not link.service:
        loop.turn(clock.now())
        if link.unlatch:
            unlatch()
        time.sleep_ms(TURN_MS)
    open_service()


def open_lane(profile: dict):
    """The lane of a profile. Imported here, so that a broken core latches as any error does."""
    from pistegate_edge.lane.core import lanes

    return lanes.open_lane(profile)


def sweep(profile: dict) -> int:
    """The input bits of the beams that a closing leaf passes."""
    bits = 0
    for beam in profile.get("sweep", ()):
        bits |= words.BEAM[beam]
    return bits


def latch(error: Exception) -> None:
    """Keep the reason; the first one, should the latched board fail too: a write every two seconds wears the flash."""
    sys.print_exception(error)
    if exists(CRASH):
        return
    try:
        with open(CRASH, "w") as file:
            file.write(type(error).__name__ + ": " + str(error))
    except OSError:
        pass  # a full or worn flash: the watchdog restarts the board all the same


def unlatch() -> None:
    """Forget the reason and start anew."""
    if exists(CRASH):
        os.remove(CRASH)
    machine.reset()


def open_service() -> None:
    """The next start leaves the console to the host; the watchdog cannot be stopped but by a start."""
    with open(SERVICE, "w") as file:
        file.write("board flash")
    machine.reset()


def read(name: str) -> bytes:
    """A file of the board."""
    with open(name, "rb") as file:
        return file.read()


def exists(name: str) -> bool:
    """Whether there is such a file."""
    try:
        os.stat(name)
    except OSError:
        return False
    return True
