# SPDX-License-Identifier: Apache-2.0
"""What a gate does with one card, told by how it ended: reading what it needs, then writing usage and committing."""

import os
from collections.abc import Callable, Generator
from typing import TypeVar

from pistegate_edge.core.actions import Write
from pistegate_edge.core.inputs import ReadProblem, WriteResult
from pistegate_edge.errors import EdgeError
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.pn532 import READER_FAILURES, Card, CardGone
from pistegate_protocol.card_layout import AID, KEY_BYTES, KeySet
from pistegate_protocol.desfire import card_commands, transactions
from pistegate_protocol.desfire.apdu import CardError, CardRefused, CardUntrusted, Status
from pistegate_protocol.desfire.ev2 import Ev2Session, without_session
from pistegate_protocol.desfire.transactions import CardContent, Proof

T = TypeVar("T")
Transceive = Callable[[bytes], bytes]
Knows = Callable[[bytes], bool]

# The application is not there: another operator's card.
_NOT_OURS = frozenset({Status.APPLICATION_NOT_FOUND})
_CUT_SHORT: tuple[type[Exception], ...] = (CardGone, CardError, *READER_FAILURES)
_WRONG_KEY = frozenset({Status.AUTHENTICATION_ERROR, Status.PERMISSION_DENIED})


class ReadFailed(EdgeError):
    """A card could not be read to the end; `problem` says what to tell the guest."""

    def __init__(self, problem: ReadProblem, detail: str) -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem
        self.detail = detail


def run(flow: Generator[bytes, bytes, T], transceive: Transceive) -> T:
    """Run a card flow to its end over `transceive`; closes the flow when an exchange fails."""
    try:
        apdu = next(flow)
        while True:
            apdu = flow.send(transceive(apdu))
    except StopIteration as done:
        result: T = done.value
        return result
    finally:
        flow.close()


def read_card(card: Card, keys: KeyStore, knows: Knows) -> tuple[CardContent, KeySet]:
    """What the gate needs of a card of ours, and its active key set; ReadFailed when it cannot be read.

    `knows`: digests of claims that need not be read. A card on its first set is switched to the second one where the
    key for that is there, and read again; torn meanwhile it is on either, and the next attempt goes on.
    """
    try:
        content, key_set = _by_some_set(card, keys, knows)
        roll_key = keys.roll_key(card.uid)
        if roll_key is None or key_set is not KeySet.FIRST:
            return content, key_set
        run(transactions.roll_key_set(roll_key, os.urandom(KEY_BYTES), KeySet.SECOND), card.transceive)
        return _by_set(card, keys, KeySet.SECOND, knows), KeySet.SECOND
    except CardGone as error:
        raise ReadFailed(ReadProblem.TORN, str(error)) from error
    except CardRefused as error:
        if error.status is None or error.status in _NOT_OURS:
            raise ReadFailed(ReadProblem.FOREIGN, str(error)) from error
        problem = ReadProblem.KEY_REFUSED if error.status in _WRONG_KEY else ReadProblem.TORN
        raise ReadFailed(problem, str(error)) from error
    except CardUntrusted as error:
        raise ReadFailed(ReadProblem.KEY_REFUSED, str(error)) from error


def _by_some_set(card: Card, keys: KeyStore, knows: Knows) -> tuple[CardContent, KeySet]:
    *others, last = keys.sets
    for key_set in others:
        try:
            return _by_set(card, keys, key_set, knows), key_set
        except CardRefused as error:
            if error.status != Status.AUTHENTICATION_ERROR:
                raise
    return _by_set(card, keys, last, knows), last


def _by_set(card: Card, keys: KeyStore, key_set: KeySet, knows: Knows) -> CardContent:
    key = keys.gate_key(card.uid, key_set)
    return run(transactions.open_card(key, os.urandom(KEY_BYTES), knows), card.transceive)


def is_ours(card: Card) -> bool:
    """Whether our application is on a card; CardGone when it does not answer. Proves nothing: no key is asked for."""
    try:
        run(without_session(card_commands.select_application(AID)), card.transceive)
    except CardRefused:
        return False
    return True


def write_card(card: Card, session: Ev2Session, write: Write) -> tuple[WriteResult, str, Proof | None]:
    """Write and commit; never raises for a card or reader that fails, but tells what is known of the card.

    The proof is there exactly when the result is OK.
    """
    try:
        flow = transactions.write_use(session, write.usage, write.record, amendment=write.amendment)
        run(flow, card.transceive)
    except _CUT_SHORT as error:
        return WriteResult.VOID, f"before the commit: {error}", None
    try:
        proof = run(transactions.commit(session), card.transceive)
    except CardRefused as error:
        # A native status is the card's word that it did not commit; anything else is no word at all.
        result = WriteResult.UNCONFIRMED if error.status is None else WriteResult.VOID
        return result, f"commit: {error}", None
    except _CUT_SHORT as error:
        return WriteResult.UNCONFIRMED, f"commit sent: {error}", None
    return WriteResult.OK, "", proof
