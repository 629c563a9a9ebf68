# SPDX-License-Identifier: Apache-2.0
"""What the cloud does to a personalised card with the ISSUER key, over a relayed link: batches of ready commands.

A batch is sent in one round trip and its answers are checked together. Every batch ends with its commit: a card that
leaves before it is as before, but for the claim, which is a standard file and counts when written. A claim without
its usage is no ticket: usage names the claim that it belongs to.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from pistegate_protocol.card_layout import (
    AMENDMENT_FILE,
    CLAIM_FILE,
    LOADS_FILE,
    PURSE_FILE,
    RECENT_FILE,
    RECORDS_VISIBLE,
    RENTAL_FILE,
    SPENT_FILE,
    USAGE_FILE,
    VALUE_MAX,
    CardFile,
    claim_file_content,
    padded,
)
from pistegate_protocol.desfire import file_commands
from pistegate_protocol.desfire.command import Command
from pistegate_protocol.desfire.ev2 import Ev2Session
from pistegate_protocol.desfire.transactions import (
    Proof,
    WalletFiles,
    proof_of,
    read_records,
    read_rental,
    read_wallet,
)


@dataclass(frozen=True, slots=True)
class BatchCheck:
    """Checks the answers to a batch whose first command brought the session's counter to `first_counter`."""

    session: Ev2Session
    commands: tuple[Command, ...]
    first_counter: int

    def check(self, answers: Sequence[bytes]) -> Proof:
        """The commit's proof; CardRefused or CardUntrusted unless every command was done.

        `session.input.committed` is what the proof covers.
        """
        data = b""
        for at, command in enumerate(self.commands):
            answer = answers[at] if at < len(answers) else b""
            data = self.session.open(command, answer, self.first_counter + at)
        return proof_of(data)


Batch = tuple[list[bytes], BatchCheck]


def prepare(session: Ev2Session, commands: Sequence[Command]) -> Batch:
    """The APDUs of `commands` and a commit, to be sent in one batch, and the check of their answers."""
    whole = (*commands, file_commands.commit_transaction())
    first = session.counter + 1
    return [session.seal(command) for command in whole], BatchCheck(session, whole, first)


def issue(session: Ev2Session, signed_claim: bytes, usage: bytes) -> Batch:
    """Put a ticket on the card: claim, its usage, and no amendment. Money, rental and records stay."""
    return prepare(
        session,
        [
            file_commands.write_data(CLAIM_FILE, claim_file_content(signed_claim)),
            file_commands.write_data(USAGE_FILE, usage),
            _zeros(AMENDMENT_FILE),
        ],
    )


def credit_purse(session: Ev2Session, amount: int, record: bytes | None = None) -> Batch:
    """Add `amount` > 0 minor units to the purse, and a record of it.

    Not repeatable: when no answer came, read the purse (or the proof) before trying again.
    """
    commands = [file_commands.credit(PURSE_FILE, amount)]
    if record is not None:
        commands.append(file_commands.write_record(RECENT_FILE, record))
    return prepare(session, commands)


def write_load(session: Ev2Session, statement: bytes, record: bytes | None = None) -> Batch:
    """Put a signed load statement; it replaces the one before, so that repeating does no harm."""
    commands = [file_commands.write_data(LOADS_FILE, padded(statement, LOADS_FILE))]
    if record is not None:
        commands.append(file_commands.write_record(RECENT_FILE, record))
    return prepare(session, commands)


def write_amendment(session: Ev2Session, usage: bytes, amendment: bytes) -> Batch:
    """Put a signed amendment and the usage that says so."""
    return prepare(
        session,
        [
            file_commands.write_data(AMENDMENT_FILE, padded(amendment, AMENDMENT_FILE)),
            file_commands.write_data(USAGE_FILE, usage),
        ],
    )


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a card that is taken back holds; `records` newest first."""

    usage_file: bytes
    claim_file: bytes
    wallet: WalletFiles
    rental_file: bytes
    records: tuple[bytes, ...]


def read_holdings(session: Ev2Session, records: int = RECORDS_VISIBLE) -> Generator[bytes, bytes, Holdings]:
    """Everything that matters at the desk (6 exchanges and 1 to 5 for records); with the GATE or the ISSUER key.

    A card without records ends the session with the last exchange.
    """
    usage = yield from session.do(file_commands.read_data(USAGE_FILE))
    claim = yield from session.do(file_commands.read_data(CLAIM_FILE))
    wallet = yield from read_wallet(session)
    rental = yield from read_rental(session)
    recent = yield from read_records(session, records)
    return Holdings(usage, claim, wallet, rental, recent)


def wipe(session: Ev2Session, wallet: WalletFiles, loaded: int = 0) -> Batch:
    """Make the card blank again, keys and layout apart; `wallet` is what was just read of it.

    The claim goes first and at once, so that a card torn here admits nobody; the rest goes together. `loaded`: total of
    the newest load statement ever signed for this card, minor units. What was spent is left there and not at 0: a
    statement never expires, and an old one written again would be money.
    """
    commands = [_zeros(CLAIM_FILE)]
    commands += [_zeros(file) for file in (USAGE_FILE, AMENDMENT_FILE, LOADS_FILE, RENTAL_FILE)]
    commands.append(file_commands.clear_records(RECENT_FILE))
    if wallet.purse:
        commands.append(file_commands.debit(PURSE_FILE, wallet.purse))
    over = wallet.spent - loaded
    # Spent may stand at -2^31 (a stolen gate can put it there), one more than a credit can carry.
    for amount in (min(over, VALUE_MAX), over - VALUE_MAX):
        if amount > 0:
            commands.append(file_commands.credit(SPENT_FILE, amount))
    if over < 0:
        commands.append(file_commands.debit(SPENT_FILE, -over))
    return prepare(session, commands)


def _zeros(file: CardFile) -> Command:
    return file_commands.write_data(file, bytes(file.size))
