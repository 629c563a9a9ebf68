# SPDX-License-Identifier: Apache-2.0
"""A DESFire EV3 card: framing, chaining and sessions around its command tables."""

import os
from collections.abc import Sequence
from typing import Any, Self

from pistegate_simulators.card import authentication, file_commands, key_commands, picc_commands, timing
from pistegate_simulators.card.authentication import Handshake, Rng
from pistegate_simulators.card.channel import Mode, Shape
from pistegate_simulators.card.context import Command, Context
from pistegate_simulators.card.files import DataFile, ValueFile
from pistegate_simulators.card.image import IMAGE_VERSION, memory_from_image, memory_image
from pistegate_simulators.card.memory import PICC_AID, Application, CardFile, Key, KeySet, Memory
from pistegate_simulators.card.radio import IsoDepCard
from pistegate_simulators.card.status import CardError, Status, require
from pistegate_simulators.card.transaction_mac import TransactionMacFile

FRAME_DATA = 59  # bytes beside command or status; a native frame holds 60 (EV1 data sheet)
WRAPPED_DATA = 256  # bytes that a short APDU can answer
_SELECT, _NEXT, _GET_VERSION, _GET_APPLICATION_IDS = 0x5A, 0xAF, 0x60, 0x6A
_DESFIRE_NAME = bytes.fromhex("D2760000850100")
_COMMANDS: dict[int, Command] = picc_commands.COMMANDS | key_commands.COMMANDS | file_commands.COMMANDS


class DesfireCard(IsoDepCard):
    """One card. `rng(n)` gives n random bytes; a scripted one replays published traces."""

    atqa = b"\x03\x44"

    def __init__(self, uid: bytes = bytes.fromhex("04A1B2C3D4E5F6"), rng: Rng = os.urandom) -> None:
        memory = Memory()
        self._card = Context(uid, memory, memory.application(PICC_AID))
        self._rng = rng
        self._abandon()
        super().__init__(uid)

    # For people who prepare, inspect or attack cards; needs no key.

    def create_application(
        self, aid: int, keys: Sequence[bytes], files: dict[int, CardFile], key_settings: int = 0x0F
    ) -> None:
        """Put an application with its keys (16 bytes each, version 0) and files."""
        application = Application.with_keys(aid, [Key(key) for key in keys], key_settings)
        application.files = dict(files)
        self._card.memory.applications[aid] = application

    def set_key(self, aid: int, number: int, value: bytes, version: int = 0) -> None:
        """Put one active key; aid 0 is the card itself."""
        self._card.memory.application(aid).keys[number] = Key(value, version)

    def key(self, aid: int, number: int) -> tuple[bytes, int]:
        """One active key and its version."""
        return self._card.memory.application(aid).keys[number]

    def put_key_sets(self, aid: int, key_sets: Sequence[KeySet], roll_key: int) -> None:
        """Replace an application's keys by whole sets, the first one active, as personalisation would leave them."""
        application = self._card.memory.application(aid)
        application.key_sets, application.active, application.roll_key = list(key_sets), 0, roll_key

    def set_key_settings(self, aid: int, settings: int) -> None:
        """Put the key settings byte; aid 0 is the card itself."""
        self._card.memory.application(aid).key_settings = settings

    def active_key_set(self, aid: int) -> int:
        """Which key set authenticates now."""
        return self._card.memory.application(aid).active

    def applications(self) -> list[int]:
        """AIDs, the card's own 0 left out."""
        return [aid for aid in self._card.memory.applications if aid != PICC_AID]

    def file(self, aid: int, number: int) -> CardFile:
        """The live file."""
        return self._card.memory.application(aid).file(number)

    def file_bytes(self, aid: int, number: int) -> bytes:
        """Committed content: data, a value or TMC least significant byte first, or records oldest first."""
        file = self.file(aid, number)
        if isinstance(file, DataFile):
            return file.content
        if isinstance(file, ValueFile):
            return file.value.to_bytes(4, "little", signed=True)
        return file.content if isinstance(file, TransactionMacFile) else b"".join(file.records)

    def overwrite(self, aid: int, number: int, content: bytes) -> None:
        """Replace committed content, in the form that `file_bytes` gives; ValueError when the size cannot be."""
        file = self.file(aid, number)
        if isinstance(file, DataFile):
            if len(content) != len(file.content):
                raise ValueError(f"file {number} holds {len(file.content)} bytes, not {len(content)}")
            file.content = content
        elif isinstance(file, ValueFile):
            file.value = int.from_bytes(content, "little", signed=True)
        elif isinstance(file, TransactionMacFile):
            file.counter, file.value = int.from_bytes(content[:4], "little"), content[4:]
        else:
            size = file.record_size
            if len(content) % size:
                raise ValueError(f"records of file {number} are {size} bytes each")
            file.records = [content[at : at + size] for at in range(0, len(content), size)]

    def image(self) -> dict[str, Any]:
        """The card as JSON-able data: UID and EEPROM, nothing volatile."""
        return {"version": IMAGE_VERSION, "uid": self.uid.hex()} | memory_image(self._card.memory)

    @classmethod
    def from_image(cls, image: dict[str, Any], rng: Rng = os.urandom) -> Self:
        """A card with the EEPROM of `image`; ValueError when its version is not known."""
        memory = memory_from_image(image)
        card = cls(bytes.fromhex(image["uid"]), rng)
        card._card.memory = memory
        card.reset()
        return card

    def restore(self, image: dict[str, Any]) -> None:
        """Put an earlier image's EEPROM back into this card, as a rollback attack does."""
        self._card.memory = memory_from_image(image)
        self.reset()

    # The card itself.

    def receive_half(self, frame: bytes) -> None:
        """Of a write to a standard file the first half arrives in EEPROM; everything else is whole or not at all."""
        self._card.failing = True
        try:
            self.receive(frame)
        finally:
            self._card.failing = False

    def reset(self) -> None:
        """Back to card level: session, chains and open transaction are gone."""
        self._abandon()
        self._card.select(PICC_AID)

    def compute_s(self, apdu: bytes) -> float:
        """By command, see `timing`."""
        command = apdu[1:2] if apdu[:1] == b"\x90" else apdu[:1]
        proving, chained = self._handshake is not None, bool(self._output)
        return timing.command_s(command[0], proving=proving, chained=chained) if command else timing.OTHER_S

    @property
    def authenticated_key(self) -> int | None:
        """Number of the key that the running session was opened with."""
        return self._card.key_number

    def process(self, apdu: bytes) -> bytes:
        """One command: ISO-wrapped (90 xx), ISO select (00 A4), or native (command byte first)."""
        if apdu[:1] == b"\x00":
            return self._iso(apdu)
        if apdu[:1] != b"\x90":
            status, answer = self._execute(apdu[0], apdu[1:], None) if apdu else (Status.LENGTH_ERROR, b"")
            return bytes([status]) + answer
        data = _wrapped_data(apdu)
        if data is None:
            self._fail()
            return bytes([0x91, Status.LENGTH_ERROR])
        status, answer = self._execute(apdu[1], data, WRAPPED_DATA)
        return answer + bytes([0x91, status])

    def _iso(self, apdu: bytes) -> bytes:
        if len(apdu) < 4 or apdu[1] != 0xA4:
            return b"\x6d\x00"
        name = apdu[5 : 5 + apdu[4]] if len(apdu) > 4 else b""
        for application in self._card.memory.applications.values():
            known = _DESFIRE_NAME if application.aid == PICC_AID else application.df_name
            if apdu[2] == 0x04 and name and name == known:
                self._abandon()
                self._card.select(application.aid)
                return b"\x90\x00"
        return b"\x6a\x82"

    def _abandon(self) -> None:
        self._handshake: Handshake | None = None
        self._input: tuple[int, bytes] | None = None
        self._output: list[bytes] = []

    def _fail(self) -> None:
        # Data sheets: any status but 00 and AF ends the session; its open transaction goes with it.
        self._abandon()
        self._card.drop_session()

    def _execute(self, command: int, data: bytes, limit: int | None) -> tuple[Status, bytes]:
        try:
            if command == _NEXT:
                return self._continue(data, limit)
            require(not (self._handshake or self._input or self._output), Status.COMMAND_ABORTED)
            return self._start(command, data, limit)
        except CardError as error:
            self._fail()
            return error.status, b""

    def _continue(self, data: bytes, limit: int | None) -> tuple[Status, bytes]:
        if self._handshake is not None:
            shake, self._handshake = self._handshake, None
            established = authentication.finish(shake, data, self._rng)
            self._card.channel = established.channel
            self._card.key_number = established.key_number
            self._card.transaction_input.clear()
            return Status.OK, established.answer
        if self._input is not None:
            (command, collected), self._input = self._input, None
            return self._run(command, collected + data, limit)
        require(bool(self._output) and not data, Status.ILLEGAL_COMMAND)
        return self._next_frame()

    def _next_frame(self) -> tuple[Status, bytes]:
        frame = self._output.pop(0)
        return (Status.ADDITIONAL_FRAME if self._output else Status.OK), frame

    def _start(self, command: int, data: bytes, limit: int | None) -> tuple[Status, bytes]:
        if command in authentication.COMMANDS:
            return self._authenticate(command, data)
        if command == _SELECT:
            require(len(data) == 3, Status.LENGTH_ERROR)
            self._card.select(picc_commands.aid_of(data))
            return Status.OK, b""
        if command in key_commands.CHANGES:
            require(not self._card.failing, Status.COMMAND_ABORTED)
            return self._change_key(command, data)
        return self._run(command, data, limit)

    def _authenticate(self, command: int, data: bytes) -> tuple[Status, bytes]:
        running = self._card.channel
        number = authentication.key_number_of(command, data)
        if command != authentication.EV2_NON_FIRST:
            self._card.drop_session()
        require(number < len(self._card.selected.keys), Status.NO_SUCH_KEY)
        key = self._card.selected.keys[number]
        require(key.is_des == (command == authentication.EV1_ISO), Status.AUTHENTICATION_ERROR)
        self._handshake = authentication.begin(command, data, key.value, running, self._rng)
        return Status.ADDITIONAL_FRAME, self._handshake.encrypted

    def _change_key(self, command: int, data: bytes) -> tuple[Status, bytes]:
        channel = self._card.channel
        answer, survives = key_commands.change_key(self._card, command, data)
        if channel is None or not survives:
            self._card.drop_session()
            return Status.OK, answer
        return Status.OK, channel.seal(answer, key_commands.CHANGE_SHAPE, False)

    def _run(self, command: int, data: bytes, limit: int | None) -> tuple[Status, bytes]:
        spec = _COMMANDS.get(command)
        if spec is None:
            raise CardError(Status.ILLEGAL_COMMAND)
        channel = self._card.channel
        mode = spec.mode if isinstance(spec.mode, Mode) else spec.mode(self._card, data)
        shape = Shape(spec.side, mode, spec.header)
        body = 0
        if spec.body is not None:
            require(len(data) >= spec.header, Status.LENGTH_ERROR)
            body = spec.body(data[: spec.header])
            expected = spec.header + (channel.wire_length(body, shape) if channel else body)
            if len(data) < expected and command not in file_commands.SINGLE_FRAME:
                self._input = command, data
                return Status.ADDITIONAL_FRAME, b""
            require(len(data) == expected, Status.LENGTH_ERROR)
        argument = channel.open(command, data, body, shape) if channel else data
        require(spec.lengths is None or len(argument) in spec.lengths, Status.LENGTH_ERROR)
        if self._card.failing:
            file_commands.half_write(self._card, spec, argument)
            raise CardError(Status.COMMAND_ABORTED)
        answer = spec.run(self._card, argument)
        if spec.journal is not None:
            file_commands.journal(self._card, spec.journal, command, argument, answer)
        if channel and not spec.ends_session:
            answer = channel.seal(answer, shape, spec.answers_all(argument))
        self._output = _frames(command, answer, limit)
        return self._next_frame()


def _wrapped_data(apdu: bytes) -> bytes | None:
    """The data of a short APDU; None when its lengths disagree."""
    if len(apdu) <= 5:
        return b"" if len(apdu) >= 4 else None
    length = apdu[4]
    return apdu[5 : 5 + length] if len(apdu) in (5 + length, 6 + length) else None


def _frames(command: int, answer: bytes, limit: int | None) -> list[bytes]:
    """Break an answer where the real card does; LENGTH_ERROR when a single frame cannot hold it."""
    if command in file_commands.SINGLE_FRAME:
        require(limit is None or len(answer) <= limit, Status.LENGTH_ERROR)
        return [answer]
    if command == _GET_VERSION:
        first, second = picc_commands.VERSION_FRAMES
        return [answer[:first], answer[first:second], answer[second:]]
    # 19 AIDs fill a frame, so that none is split.
    size = 57 if command == _GET_APPLICATION_IDS else FRAME_DATA
    return [answer[at : at + size] for at in range(0, len(answer), size)] or [b""]
