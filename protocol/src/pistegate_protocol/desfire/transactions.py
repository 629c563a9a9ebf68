# SPDX-License-Identifier: Apache-2.0
"""What a gate and an issuer do with a card, as flows of single APDUs. Reads come first, then the caller decides.

Whoever runs a flow tells the outcome of a cut by where it happened: nothing is changed on the card before the
commit command was sent, and everything is once it was answered.
"""

from collections.abc import Generator
from dataclasses import dataclass

from pistegate_protocol.card_layout import AID, CLAIM_FILE, USAGE_FILE, CardFile, CardKey, claim_file_content
from pistegate_protocol.desfire.apdu import CardUntrusted, Ins, response, select_application
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, file_range


@dataclass(slots=True)
class CardContent:
    """An authenticated card: its claim file and usage file as read."""

    session: Ev2Session
    claim_file: bytes
    usage_file: bytes


def open_card(key: bytes, rnd_a: bytes) -> Generator[bytes, bytes, CardContent]:
    """Select, authenticate with the gate key, read claim, read usage (5 exchanges)."""
    response("select application", (yield select_application(AID)))
    session = yield from authenticate(CardKey.GATE, key, rnd_a)
    answer = yield session.plain(Ins.READ_DATA, file_range(CLAIM_FILE.number, 0, CLAIM_FILE.size))
    claim_file = _sized("read claim", response("read claim", answer), CLAIM_FILE)
    answer = yield session.with_mac(Ins.READ_DATA, file_range(USAGE_FILE.number, 0, USAGE_FILE.size))
    usage_file = _sized("read usage", session.open_mac("read usage", answer), USAGE_FILE)
    return CardContent(session, claim_file, usage_file)


def write_usage(session: Ev2Session, usage: bytes) -> Generator[bytes, bytes, None]:
    """Write the 32 bytes of usage; not in force before `commit`."""
    header = file_range(USAGE_FILE.number, 0, len(usage))
    session.open_mac("write usage", (yield session.with_mac(Ins.WRITE_DATA, header + usage)))


def commit(session: Ev2Session) -> Generator[bytes, bytes, None]:
    """CommitTransaction: everything written in this session is now in force, or nothing."""
    session.open_mac("commit", (yield session.with_mac(Ins.COMMIT_TRANSACTION)))


def issue(session: Ev2Session, signed_claim: bytes, usage: bytes) -> tuple[list[bytes], "IssueCheck"]:
    """With the issuer key: the commands that write claim and usage and commit, to be sent in one batch."""
    claim_header = file_range(CLAIM_FILE.number, 0, CLAIM_FILE.size)
    usage_header = file_range(USAGE_FILE.number, 0, len(usage))
    first = session.counter
    commands = [
        session.plain(Ins.WRITE_DATA, claim_header + claim_file_content(signed_claim)),
        session.with_mac(Ins.WRITE_DATA, usage_header + usage),
        session.with_mac(Ins.COMMIT_TRANSACTION),
    ]
    return commands, IssueCheck(session, first)


@dataclass(frozen=True, slots=True)
class IssueCheck:
    """Checks the answers to an `issue` batch."""

    session: Ev2Session
    first_counter: int

    def check(self, answers: list[bytes]) -> None:
        """Raises CardRefused or CardUntrusted unless every command was done."""
        response("write claim", _nth(answers, 0))
        self.session.open_mac("write usage", _nth(answers, 1), self.first_counter + 2)
        self.session.open_mac("commit", _nth(answers, 2), self.first_counter + 3)


def _nth(answers: list[bytes], index: int) -> bytes:
    return answers[index] if index < len(answers) else b""


def _sized(name: str, data: bytes, file: CardFile) -> bytes:
    if len(data) != file.size:
        raise CardUntrusted(f"{name}: {len(data)} bytes, {file.size} expected")
    return data
