# SPDX-License-Identifier: Apache-2.0
"""What a command handler may use of the card: memory, the selected application, who is authenticated."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from pistegate_simulators.card.channel import Channel, Mode, Side
from pistegate_simulators.card.files import DENIED, FREE
from pistegate_simulators.card.memory import PICC_AID, Application, CardFile, Memory
from pistegate_simulators.card.status import CardError, Status, require
from pistegate_simulators.card.transaction_mac import Journal

MASTER_CHANGEABLE, DIRECTORY_FREE, CREATION_FREE, SETTINGS_CHANGEABLE = 1, 2, 4, 8  # key settings bits


@dataclass
class Context:
    """The card's working state; everything here except `memory` is lost with the field."""

    uid: bytes
    memory: Memory
    selected: Application
    channel: Channel | None = None
    key_number: int | None = None
    transaction_input: bytearray = field(default_factory=bytearray)
    failing: bool = False  # power goes while this command is carried out

    @property
    def at_picc_level(self) -> bool:
        """No application is selected."""
        return self.selected.aid == PICC_AID

    @property
    def master(self) -> bool:
        """Authenticated with key 0 of what is selected."""
        return self.key_number == 0

    def drop_session(self) -> None:
        """Forget the authentication and roll back what it did not commit."""
        self.channel = self.key_number = None
        self.transaction_input.clear()
        self.selected.rollback()

    def select(self, aid: int) -> None:
        """Another application (0 = the card itself); session and open transaction end."""
        target = self.memory.application(aid)
        self.drop_session()
        self.selected = target

    def require_setting(self, bit: int) -> None:
        """AUTHENTICATION_ERROR unless the key settings make this free or the master key is authenticated."""
        allowed = self.master or bool(self.selected.key_settings & bit)
        require(allowed, Status.AUTHENTICATION_ERROR)

    def access_mode(self, file: CardFile, *rights: int) -> Mode:
        """The file's mode for the authenticated key, plain for free access, else a refusal."""
        if self.key_number is not None and self.key_number in rights:
            return file.mode
        if FREE in rights:
            return Mode.PLAIN
        never = all(right == DENIED for right in rights)
        raise CardError(Status.PERMISSION_DENIED if never else Status.AUTHENTICATION_ERROR)


ModeRule = Callable[[Context, bytes], Mode]


class Command(NamedTuple):
    """One command: what runs, how it is protected, and where its payload begins.

    `run` gets the whole argument, verified and deciphered. `header` counts the bytes never enciphered; `body` tells
    from them how long the payload is (None: the argument is what arrived, in one frame). `journal` tells what a
    TransactionMAC file proves of it; `ends_session`: the answer is a bare status and nobody is authenticated after it.
    """

    run: Callable[[Context, bytes], bytes]
    side: Side = Side.ANSWER
    mode: ModeRule | Mode = Mode.MAC
    header: int = 0
    body: Callable[[bytes], int] | None = None
    lengths: tuple[int, ...] | None = None
    answers_all: Callable[[bytes], bool] = lambda data: False
    journal: Journal | None = None
    ends_session: bool = False
