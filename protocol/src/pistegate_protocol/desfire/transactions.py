# SPDX-License-Identifier: Apache-2.0
"""What a gate and a till do with a card, as flows of single APDUs. Reads come first, then the caller decides.

Whoever runs a flow tells the outcome of a cut by where it happened: nothing is changed on the card before the
commit command was sent, and everything is once it was answered. Every commit answers a proof (TransactionMAC) over
all that was read and written since the authentication; `use_input` is what the cloud expects it to cover.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from pistegate_protocol.card_layout import (
    AID,
    AMENDMENT_FILE,
    CLAIM_FILE,
    LOADS_FILE,
    PROOF_FILE,
    PURSE_FILE,
    RECENT_FILE,
    RECORD_BYTES,
    RENTAL_FILE,
    SPENT_FILE,
    USAGE_FILE,
    CardKey,
    KeySet,
    padded,
)
from pistegate_protocol.desfire import card_commands, file_commands
from pistegate_protocol.desfire.apdu import CardRefused, CardUntrusted, Status
from pistegate_protocol.desfire.command import Command
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, without_session
from pistegate_protocol.desfire.tmac import TransactionInput
from pistegate_protocol.errors import CodecError
from pistegate_protocol.usage import decode_usage, named_claim


@dataclass(slots=True)
class CardContent:
    """An authenticated card as read. `claim_file` is None when it was known, `amendment_file` when there is none."""

    session: Ev2Session
    usage_file: bytes
    claim_file: bytes | None
    amendment_file: bytes | None


@dataclass(frozen=True, slots=True)
class Debit:
    """What to take, minor units, both >= 0: from the purse, and (as more spent) from signed loads."""

    purse: int = 0
    loads: int = 0


@dataclass(frozen=True, slots=True)
class WalletFiles:
    """The money files: `purse` >= 0, the file with the signed load statement, `spent` >= 0 of it."""

    purse: int
    loads_file: bytes
    spent: int


@dataclass(frozen=True, slots=True)
class Proof:
    """TransactionMAC of a commit: the card's counter after it, and the value (8 bytes)."""

    counter: int
    value: bytes


def open_session(key_number: CardKey, key: bytes, rnd_a: bytes) -> Generator[bytes, bytes, Ev2Session]:
    """Select the application and authenticate (3 exchanges)."""
    yield from without_session(card_commands.select_application(AID))
    return (yield from authenticate(key_number, key, rnd_a))


def open_card(
    key: bytes, rnd_a: bytes, knows: Callable[[bytes], bool] = lambda digest: False
) -> Generator[bytes, bytes, CardContent]:
    """Select, authenticate with the GATE key, read usage (4 exchanges), and what else is needed.

    The claim is read unless `knows` its digest (8 bytes), the amendment if usage says that there is one.
    """
    session = yield from open_session(CardKey.GATE, key, rnd_a)
    usage = yield from session.do(file_commands.read_data(USAGE_FILE))
    claim = amendment = None
    if not knows(named_claim(usage)):
        claim = yield from session.do(file_commands.read_data(CLAIM_FILE))
    if is_amended(usage):
        amendment = yield from session.do(file_commands.read_data(AMENDMENT_FILE))
    return CardContent(session, usage, claim, amendment)


def is_amended(usage_file: bytes) -> bool:
    """The usage says that an amendment is in its file; a blank or unknown usage says nothing."""
    try:
        return decode_usage(usage_file).amended
    except CodecError:
        return False


def read_wallet(session: Ev2Session) -> Generator[bytes, bytes, WalletFiles]:
    """The money on the card (3 exchanges)."""
    answers = []
    for command in _WALLET_READS:
        answers.append((yield from session.do(command)))
    return WalletFiles(file_commands.value_of(answers[0]), answers[1], -file_commands.value_of(answers[2]))


def read_rental(session: Ev2Session) -> Generator[bytes, bytes, bytes]:
    """The rental file's 16 bytes (1 exchange)."""
    return (yield from session.do(file_commands.read_data(RENTAL_FILE)))


def read_records(session: Ev2Session, count: int) -> Generator[bytes, bytes, tuple[bytes, ...]]:
    """The `count` newest of the card's records, newest first; fewer when there are fewer (up to 5 exchanges).

    A card without any refuses, which ends the session: read records last.
    """
    try:
        content = yield from session.do(file_commands.read_records(RECENT_FILE))
    except CardRefused as error:
        if error.status == Status.BOUNDARY_ERROR:
            return ()
        raise
    if len(content) % RECORD_BYTES:
        raise CardUntrusted(f"records of {len(content)} bytes")
    records = [content[at : at + RECORD_BYTES] for at in range(0, len(content), RECORD_BYTES)]
    return tuple(records[::-1][:count])


def read_proof(session: Ev2Session) -> Generator[bytes, bytes, Proof]:
    """The proof of the card's last commit, also of one whose answer was lost (1 exchange)."""
    return proof_of((yield from session.do(file_commands.read_data(PROOF_FILE))))


def write_use(
    session: Ev2Session,
    usage: bytes | None,
    record: bytes | None,
    *,
    debit: Debit | None = None,
    amendment: bytes | None = None,
    rental: bytes | None = None,
    loads: bytes | None = None,
) -> Generator[bytes, bytes, None]:
    """Write what a passage, a debit or a rental changes; nothing is in force before `commit`.

    `amendment` and `loads` are signed bytes, padded here; what is None is not touched.
    """
    for command in _use_writes(usage, record, debit, amendment, rental, loads):
        yield from session.do(command)


def commit(session: Ev2Session) -> Generator[bytes, bytes, Proof]:
    """CommitTransaction: everything written in this session is now in force, or nothing."""
    return proof_of((yield from session.do(file_commands.commit_transaction())))


def roll_key_set(roll_key: bytes, rnd_a: bytes, to_set: KeySet) -> Generator[bytes, bytes, None]:
    """Switch the card to its other key set (4 exchanges); `roll_key` is the ROLL key of the set now active."""
    session = yield from open_session(CardKey.ROLL, roll_key, rnd_a)
    yield from session.do(card_commands.roll_key_set(to_set))


def use_input(
    usage_before: bytes | None,
    usage_after: bytes | None,
    record: bytes | None,
    *,
    claim_file: bytes | None = None,
    amendment_read: bytes | None = None,
    wallet_read: WalletFiles | None = None,
    rental_read: bytes | None = None,
    amendment_written: bytes | None = None,
    loads_written: bytes | None = None,
    rental_written: bytes | None = None,
    debit: Debit | None = None,
) -> bytes:
    """The TransactionMAC input of open_card [, read_wallet] [, read_rental], write_use, commit, in this order.

    None: not read (since the last authentication), not written. `claim_file` and `amendment_read` are files as read,
    padding included.
    """
    expected = TransactionInput()
    if usage_before is not None:
        expected.add(file_commands.read_data(USAGE_FILE), usage_before)
    if claim_file is not None:
        expected.add(file_commands.read_data(CLAIM_FILE), claim_file)
    if amendment_read is not None:
        expected.add(file_commands.read_data(AMENDMENT_FILE), amendment_read)
    if wallet_read is not None:
        answers = (value_bytes(wallet_read.purse), wallet_read.loads_file, value_bytes(-wallet_read.spent))
        for command, answer in zip(_WALLET_READS, answers, strict=True):
            expected.add(command, answer)
    if rental_read is not None:
        expected.add(file_commands.read_data(RENTAL_FILE), rental_read)
    writes = _use_writes(usage_after, record, debit, amendment_written, rental_written, loads_written)
    for command in writes:
        expected.add(command)
    return expected.content


_WALLET_READS = (
    file_commands.get_value(PURSE_FILE),
    file_commands.read_data(LOADS_FILE),
    file_commands.get_value(SPENT_FILE),
)


def _use_writes(
    usage: bytes | None,
    record: bytes | None,
    debit: Debit | None,
    amendment: bytes | None,
    rental: bytes | None,
    loads: bytes | None,
) -> list[Command]:
    """The writes of one use, in their order."""
    writes = []
    for file, content in ((AMENDMENT_FILE, amendment), (LOADS_FILE, loads), (USAGE_FILE, usage), (RENTAL_FILE, rental)):
        if content is not None:
            writes.append(file_commands.write_data(file, padded(content, file)))
    if debit and debit.purse:
        writes.append(file_commands.debit(PURSE_FILE, debit.purse))
    if debit and debit.loads:
        writes.append(file_commands.debit(SPENT_FILE, debit.loads))
    if record is not None:
        writes.append(file_commands.write_record(RECENT_FILE, record))
    return writes


def value_bytes(value: int) -> bytes:
    """A value as a value file's answer carries it."""
    return value.to_bytes(file_commands.VALUE_BYTES, "little", signed=True)


def proof_of(answer: bytes) -> Proof:
    """The proof in a commit's answer or in the TransactionMAC file (12 bytes)."""
    return Proof(int.from_bytes(answer[:4], "little"), answer[4:])
