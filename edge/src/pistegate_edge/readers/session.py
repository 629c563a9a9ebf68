# SPDX-License-Identifier: Apache-2.0
"""What a gate does with one card, told by how it ended: reading both files, then writing usage and committing."""

from collections.abc import Callable, Generator
from typing import TypeVar

from pistegate_edge.core.inputs import ReadProblem, WriteResult
from pistegate_edge.errors import EdgeError
from pistegate_edge.readers.pn532 import READER_FAILURES, Card, CardGone
from pistegate_protocol.desfire import transactions
from pistegate_protocol.desfire.apdu import CardError, CardRefused, CardUntrusted, Status
from pistegate_protocol.desfire.ev2 import Ev2Session
from pistegate_protocol.desfire.transactions import CardContent

T = TypeVar("T")
Transceive = Callable[[bytes], bytes]

# The application is not there, or its keys are not ours to try: another operator's card.
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


def read_card(card: Card, key: bytes, rnd_a: bytes) -> CardContent:
    """Select, authenticate, read claim and usage; ReadFailed when that is not possible."""
    try:
        return run(transactions.open_card(key, rnd_a), card.transceive)
    except CardGone as error:
        raise ReadFailed(ReadProblem.TORN, str(error)) from error
    except CardRefused as error:
        if error.status is None or error.status in _NOT_OURS:
            raise ReadFailed(ReadProblem.FOREIGN, str(error)) from error
        problem = ReadProblem.KEY_REFUSED if error.status in _WRONG_KEY else ReadProblem.TORN
        raise ReadFailed(problem, str(error)) from error
    except CardUntrusted as error:
        raise ReadFailed(ReadProblem.KEY_REFUSED, str(error)) from error


def write_card(card: Card, session: Ev2Session, usage: bytes) -> tuple[WriteResult, str]:
    """Write usage and commit; never raises for a card or reader that fails, but tells what is known of the card."""
    try:
        run(transactions.write_usage(session, usage), card.transceive)
    except _CUT_SHORT as error:
        return WriteResult.VOID, f"before the commit: {error}"
    card.patient(True)
    try:
        run(transactions.commit(session), card.transceive)
    except CardRefused as error:
        # A native status is the card's word that it did not commit; anything else is no word at all.
        result = WriteResult.UNCONFIRMED if error.status is None else WriteResult.VOID
        return result, f"commit: {error}"
    except _CUT_SHORT as error:
        return WriteResult.UNCONFIRMED, f"commit sent: {error}"
    return WriteResult.OK, ""
