# SPDX-License-Identifier: Apache-2.0
"""A sensor on a serial line: runs flows, asks again what was damaged, fences the line after a silence."""

import os
import select
import termios
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import serial  # type: ignore[import-untyped]

from pistegate_edge.fingers.asking import FENCE, Answer, Ask, Awaiting, Flow, Misfit, fenced, pieces
from pistegate_edge.fingers.codes import Code
from pistegate_edge.fingers.errors import SensorGarbled, SensorSilent
from pistegate_edge.fingers.flows import System, begin
from pistegate_edge.fingers.packets import ADDRESS, Damaged, Kind, Packet, PacketReader, encode_packet

BAUD = 57600  # R30x and R503 from the factory
TRIES = 3  # of one question; a flipped bit costs one
FENCE_S = 2.0  # no answer of such a sensor takes longer; estimate
_READ_MOST = 4096
T = TypeVar("T")


class Sensor:
    """Open and logged on; `system` is what it told. OSError (SensorError is one) whenever it cannot be worked with."""

    def __init__(
        self,
        path: str,
        monotonic: Callable[[], float],
        baud: int = BAUD,
        password: int = 0,
        address: int = ADDRESS,
    ) -> None:
        self._monotonic = monotonic
        self._address = address
        self._reader = PacketReader(address)
        self._packet_bytes = 32
        self._port = _opened(path, baud)
        try:
            self._fence()  # also what a process before this one had asked
            self.system: System = self.run(begin(password))
        except BaseException:
            self._port.close()
            raise
        self._packet_bytes = self.system.packet_bytes
        self.description = f"{path}: room for {self.system.capacity} templates, security {self.system.security}"

    def run(self, flow: Flow[T]) -> T:
        """What the flow returns; OSError ends it, the sensor is to be opened anew then."""
        try:
            ask = next(flow)
            while True:
                ask = flow.send(self.ask(ask))
        except StopIteration as end:
            result: T = end.value
            return result

    def ask(self, ask: Ask) -> Answer:
        """One question; asked again where it or its answer was damaged or lost."""
        why = ""
        for _ in range(TRIES):
            try:
                return self._asked(ask)
            except Misfit as misfit:
                why = str(misfit)
            except TimeoutError as error:
                why = str(error)
            self._fence()
        raise SensorGarbled(f"no whole answer to {ask.instruction.name} in {TRIES} tries: {why}")

    def close(self) -> None:
        """Close the line."""
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _asked(self, ask: Ask) -> Answer:
        awaiting = Awaiting(ask)
        self._send(Kind.COMMAND, ask.content)
        until = self._monotonic() + ask.wait_s
        while True:
            for packet in self._packets(until):
                answer = awaiting.take(packet)
                if answer is not None:
                    if ask.data is not None and answer.code == Code.OK:
                        for kind, piece in pieces(ask.data, self._packet_bytes):
                            self._send(kind, piece)
                    return answer

    def _fence(self) -> None:
        """Whatever is still to be answered is answered before this; SensorSilent if nothing is."""
        self._reader.clear()
        self._send(Kind.COMMAND, FENCE.content)
        until = self._monotonic() + FENCE_S
        while not any(fenced(packet) for packet in self._packets(until)):
            pass
        self._reader.clear()

    def _packets(self, until: float) -> list[Packet | Damaged]:
        """What arrived, maybe nothing whole yet; SensorSilent at `until`."""
        left = until - self._monotonic()
        if left <= 0 or not select.select([self._port.fileno()], [], [], left)[0]:
            raise SensorSilent("the sensor does not answer")
        data = os.read(self._port.fileno(), _READ_MOST)
        if not data:
            raise OSError("the sensor was unplugged")
        return self._reader.feed(data)

    def _send(self, kind: Kind, content: bytes) -> None:
        self._port.write(encode_packet(kind, content, self._address))


def _opened(path: str, baud: int) -> serial.Serial:
    try:
        return serial.Serial(path, baud, timeout=0, write_timeout=1.0, exclusive=True)
    except termios.error as error:  # not an OSError, though it has an errno
        raise OSError(*error.args) from error
