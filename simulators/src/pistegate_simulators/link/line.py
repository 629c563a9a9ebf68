# SPDX-License-Identifier: Apache-2.0
"""A line between two network namespaces: a TUN device in each, packets carried by a thread as the weather wants.

Needs root and /dev/net/tun. tc's netem is not in every kernel; this is, and its losses repeat with the seed.
"""

import fcntl
import heapq
import itertools
import os
import select
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Final, Self

from pistegate_simulators.link.weather import Fate, Weather

TUN: Final = Path("/dev/net/tun")
_ALLOWED: Final = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
_SET_INTERFACE: Final = 0x400454CA  # TUNSETIFF
_TUN_WITHOUT_HEADER: Final = 0x1001  # IFF_TUN | IFF_NO_PI
_PACKET_MAX: Final = 2048
_HELD_MAX: Final = 100_000  # packets on their way; beyond it the line drops, as a full router does
_names = itertools.count(1)


def why_not() -> str:
    """Why no line can be had on this machine; empty: it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.access(TUN, os.R_OK | os.W_OK):
        return f"{TUN} is not there"
    try:
        _ip("netns", "list")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return "`ip netns` does not work here (package iproute2)"
    return ""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class End:
    """One side of a line: a namespace with loopback and one interface of `address`."""

    def __init__(self, number: int, side: int) -> None:
        self.name = f"pistegate-{os.getpid()}-{number}-{side}"
        self.address = f"10.{90 + side}.{number % 250}.1"
        self._interface = f"pg{number % 1000}{'ab'[side]}{os.getpid() % 100_000}"
        self.fd = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH", self._interface.encode(), _TUN_WITHOUT_HEADER)
        fcntl.ioctl(self.fd, _SET_INTERFACE, request)
        _ip("netns", "add", self.name)
        _ip("link", "set", self._interface, "netns", self.name)
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.address}/32", "dev", self._interface)
        self.run("ip", "link", "set", self._interface, "up", "mtu", "1400")

    def meet(self, other: "End") -> None:
        """The other side is reached through the interface."""
        self.run("ip", "route", "add", f"{other.address}/32", "dev", self._interface)

    def command(self, *words: str) -> list[str]:
        """A command line that runs in this namespace."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words: str) -> str:
        """What a command in this namespace printed."""
        return subprocess.run(self.command(*words), check=True, capture_output=True, text=True).stdout

    def close(self) -> None:
        """The namespace goes, and with it the interface."""
        os.close(self.fd)
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


class Line:
    """Use as a context: processes are started in `near` and `far` by their `command`; `cut` and `mend` at any time."""

    def __init__(self, weather: Weather, seed: int = 0, congestion: str | None = None) -> None:
        """`congestion`: TCP's congestion control at both ends; None: as the machine has it."""
        self._number = next(_names)
        self._fates = (Fate(weather, 2 * seed), Fate(weather, 2 * seed + 1))
        self._congestion = congestion
        self._whole = threading.Event()
        self._whole.set()
        self._stopping = threading.Event()
        self.carried = 0
        self.dropped = 0

    def __enter__(self) -> Self:
        ends: list[End] = []
        try:
            for side in (0, 1):
                ends.append(End(self._number, side))
            self.near, self.far = ends
            self.near.meet(self.far)
            self.far.meet(self.near)
            if self._congestion:
                _control(self._congestion, ends)
        except BaseException:
            for end in ends:
                end.close()
            raise
        self._thread = threading.Thread(target=self._carry, name="line", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(5)
        for end in (self.near, self.far):
            end.close()

    @property
    def congestion(self) -> str:
        """TCP's congestion control in use."""
        return self.near.run("sysctl", "-n", "net.ipv4.tcp_congestion_control").strip()

    def cut(self) -> None:
        """Nothing passes any more, what is on its way neither."""
        self._whole.clear()

    def mend(self) -> None:
        """It passes again."""
        self._whole.set()

    def turn(self, weather: Weather) -> None:
        """From now on."""
        for fate in self._fates:
            fate.weather = weather

    def _carry(self) -> None:
        fds = (self.near.fd, self.far.fd)
        on_the_way: list[tuple[float, int, int, bytes]] = []
        order = itertools.count()
        while not self._stopping.is_set():
            wait = 0.1 if not on_the_way else min(0.1, max(0.0, on_the_way[0][0] - time.monotonic()))
            ready = select.select(fds, [], [], wait)[0]
            now = time.monotonic()
            for fd in ready:
                side = fds.index(fd)
                for packet in _packets(fd):
                    arrivals = self._fates[side].arrivals(now) if self._whole.is_set() else []
                    self.dropped += not arrivals
                    for at in arrivals if len(on_the_way) < _HELD_MAX else ():
                        heapq.heappush(on_the_way, (at, next(order), fds[1 - side], packet))
            while on_the_way and on_the_way[0][0] <= now:
                _, _, fd, packet = heapq.heappop(on_the_way)
                if self._whole.is_set():
                    _put(fd, packet)
                    self.carried += 1


def _control(name: str, ends: list[End]) -> None:
    """Have both ends use this congestion control; for a moment the machine allows it to everybody."""
    before = _ALLOWED.read_text()
    try:
        if name not in before.split():
            _ALLOWED.write_text(f"{before.strip()} {name}")
        for end in ends:
            end.run("sysctl", "-q", "-w", f"net.ipv4.tcp_congestion_control={name}")
    finally:
        _ALLOWED.write_text(before)


def _packets(fd: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < 64:
        try:
            found.append(os.read(fd, _PACKET_MAX))
        except BlockingIOError:
            break
        except OSError:  # the interface is not up yet
            break
    return found


def _put(fd: int, packet: bytes) -> None:
    try:
        os.write(fd, packet)
    except OSError:
        return  # IPv6 chatter that this end does not speak, or an interface that is down
