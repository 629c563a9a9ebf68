# SPDX-License-Identifier: Apache-2.0
"""What the cloud does with the card on an encoder, over the relayed link: few round trips, every answer checked."""

import hmac
import secrets
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pistegate_cloud.cards.keys import CardKeys
from pistegate_cloud.encoders.relay import RelaySession
from pistegate_cloud.errors import Problem
from pistegate_protocol.card_layout import (
    AID,
    CLAIM_FILE,
    LOADS_FILE,
    PURSE_FILE,
    RENTAL_FILE,
    SPENT_FILE,
    USAGE_FILE,
    CardKey,
    KeySet,
)
from pistegate_protocol.desfire.apdu import CardError, CardRefused, CardUntrusted, response
from pistegate_protocol.desfire.card_commands import select_application
from pistegate_protocol.desfire.command import Command
from pistegate_protocol.desfire.ev2 import Ev2Session, authenticate, without_session
from pistegate_protocol.desfire.file_commands import get_value, read_data, value_of
from pistegate_protocol.desfire.issuing import Batch
from pistegate_protocol.desfire.tmac import transaction_mac
from pistegate_protocol.desfire.transactions import Proof, WalletFiles, read_proof, read_records
from pistegate_protocol.desfire.verification import WRONG_KEY

T = TypeVar("T")
_CONTENT = (
    read_data(USAGE_FILE),
    read_data(CLAIM_FILE),
    get_value(PURSE_FILE),
    read_data(LOADS_FILE),
    get_value(SPENT_FILE),
    read_data(RENTAL_FILE),
)


@dataclass(slots=True)
class OpenCard:
    """A card that has proved that it is ours. `key_set`: the one that is active on it."""

    link: RelaySession
    keys: CardKeys
    session: Ev2Session
    key_set: KeySet


@dataclass(frozen=True, slots=True)
class Content:
    """Files as read; of the wallet, see WalletFiles."""

    usage: bytes
    claim: bytes
    wallet: WalletFiles
    rental: bytes

    @property
    def blank(self) -> bool:
        """As a wipe leaves it, records apart; of signed loads, what was spent is left standing."""
        return not any((*self.claim, *self.usage, *self.rental, *self.wallet.loads_file, self.wallet.purse))


async def open_issuer(link: RelaySession, keys: CardKeys, expect: KeySet) -> OpenCard:
    """Authenticate with the ISSUER key, in two round trips; with the other key set's, two more.

    Problem foreign_card: not our application. card_key_refused: it knows neither set.
    """
    other = KeySet.SECOND if expect is KeySet.FIRST else KeySet.FIRST
    for key_set in (expect, other):
        session = await _authenticate(link, CardKey.ISSUER, keys.key(CardKey.ISSUER, key_set))
        if session is not None:
            return OpenCard(link, keys, session, key_set)
    raise Problem("card_key_refused")


async def again(card: OpenCard, purpose: CardKey = CardKey.ISSUER) -> None:
    """A fresh session: what was read before is not in the proof of what is written now."""
    session = await _authenticate(card.link, purpose, card.keys.key(purpose, card.key_set))
    if session is None:
        raise Problem("card_key_refused")
    card.session = session


async def _authenticate(link: RelaySession, purpose: CardKey, key: bytes) -> Ev2Session | None:
    """Select and the first half of EV2First go together; None when the card has another key."""
    flow = authenticate(purpose, key, secrets.token_bytes(16))
    answers = await link.exchange([next(without_session(select_application(AID))), next(flow)])
    try:
        response("select application", _nth(answers, 0))
    except CardRefused as error:
        raise Problem("foreign_card") from error
    try:
        proof = flow.send(_nth(answers, 1))
        flow.send(_nth(await link.exchange([proof]), 0))
    except StopIteration as done:
        session: Ev2Session = done.value
        return session
    except CardRefused as error:
        if error.status in WRONG_KEY:
            return None
        raise Problem("card_key_refused") from error
    except CardUntrusted as error:
        raise Problem("card_key_refused") from error
    raise Problem("card_key_refused")


async def read_content(card: OpenCard) -> Content:
    """Everything but the records, in one round trip."""
    usage, claim, purse, loads, spent, rental = await _read(card, _CONTENT)
    return Content(usage, claim, WalletFiles(value_of(purse), loads, -value_of(spent)), rental)


async def read_all_records(card: OpenCard) -> tuple[bytes, ...]:
    """The card's records, newest first; a card without any ends the session."""
    return await run(card.link, read_records(card.session, 16))


async def last_proof(card: OpenCard) -> Proof:
    """Counter and value of the card's last commit, for when its answer was lost; in a session of the GATE key."""
    await again(card, CardKey.GATE)
    return await run(card.link, read_proof(card.session))


async def _read(card: OpenCard, commands: Sequence[Command]) -> list[bytes]:
    session = card.session
    first = session.counter + 1
    answers = await card.link.exchange([session.seal(command) for command in commands])
    try:
        return [session.open(command, _nth(answers, at), first + at) for at, command in enumerate(commands)]
    except (CardRefused, CardUntrusted) as error:
        raise Problem("card_refused", error=str(error)) from error


async def commit(card: OpenCard, batch: Batch) -> Proof:
    """Send a batch and check that the card has done it, its TransactionMAC included; the card is let go."""
    commands, check = batch
    answers = await card.link.exchange(commands, final=True)
    try:
        proof = check.check(answers)
    except (CardRefused, CardUntrusted) as error:
        raise Problem("card_refused", error=str(error)) from error
    expected = transaction_mac(card.keys.transaction, card.keys.uid, proof.counter, card.session.input.committed)
    if not hmac.compare_digest(expected, proof.value):
        raise Problem("card_proof_wrong", uid=card.keys.uid.hex())
    return proof


async def run(link: RelaySession, flow: Generator[bytes, bytes, T]) -> T:
    """Carry a flow's commands to the card, one by one; Problem card_refused when it says no."""
    try:
        command = next(flow)
        while True:
            command = flow.send(_nth(await link.exchange([command]), 0))
    except StopIteration as done:
        result: T = done.value
        return result
    except CardError as error:
        raise Problem("card_refused", error=str(error)) from error


def _nth(answers: Sequence[bytes], index: int) -> bytes:
    return answers[index] if index < len(answers) else b""
