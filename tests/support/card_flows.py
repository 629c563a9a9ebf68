# SPDX-License-Identifier: Apache-2.0
"""Runs the protocol's card flows (generators of commands) against anything that answers APDUs."""

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

T = TypeVar("T")


def run_flow(flow: Generator[bytes, bytes, T], transceive: Callable[[bytes], bytes]) -> T:
    """Carry every command of `flow` to `transceive` until it returns."""
    try:
        command = next(flow)
        while True:
            command = flow.send(transceive(command))
    except StopIteration as done:
        result: T = done.value
        return result


class Transcript:
    """Answers a fixed conversation: (command, answer) pairs; a command that differs fails the test."""

    def __init__(self, *pairs: tuple[bytes, bytes]) -> None:
        self._pairs = list(pairs)

    def __call__(self, command: bytes) -> bytes:
        expected, answer = self._pairs.pop(0)
        assert command == expected, f"sent {command.hex()}, the transcript has {expected.hex()}"
        return answer

    @property
    def left(self) -> int:
        """Exchanges that did not happen."""
        return len(self._pairs)


def cmd(text: str) -> bytes:
    """A wrapped command from `INS data` in hex."""
    ins, data = bytes.fromhex(text)[:1], bytes.fromhex(text)[1:]
    body = bytes([len(data)]) + data if data else b""
    return b"\x90" + ins + b"\x00\x00" + body + b"\x00"


def rsp(text: str, status: int = 0x00) -> bytes:
    """A wrapped answer from hex."""
    return bytes.fromhex(text) + bytes([0x91, status])


def flipped_bits(data: bytes) -> Iterable[bytes]:
    """Every change of `data` in one bit."""
    for at in range(len(data)):
        for bit in range(8):
            yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
