# SPDX-License-Identifier: Apache-2.0
"""A simulated card with a ticket and money on it, and what a gate does with it through the protocol's flows."""

from collections.abc import Callable
from random import Random
from typing import Any

from card_flows import run_flow
from desfire_cases import RND_A, drawn_masters, host_keys
from protocol_cases import ISSUER, a_claim, a_usage

from pistegate_protocol.card_layout import (
    AMENDMENT_FILE,
    LOADS_FILE,
    PURSE_FILE,
    RENTAL_FILE,
    SPENT_FILE,
    USAGE_FILE,
    CardKey,
    KeySet,
    claim_file_content,
    padded,
)
from pistegate_protocol.desfire import transactions
from pistegate_protocol.desfire.tmac import transaction_mac
from pistegate_protocol.desfire.transactions import CardContent, Proof
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim
from pistegate_protocol.usage import encode_usage
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard
from pistegate_simulators.stock import personalised_card

MASTERS = drawn_masters()
RECORD = bytes(range(16))


def ticketed_card() -> DesfireCard:
    """A personalised card in the field, with a ticket and money on it: purse 1000, 300 spent of loads."""
    card = personalised_card(Random(5), MASTERS)
    signed = sign_claim(a_claim(), Medium(MediumKind.CARD, card.uid), ISSUER)
    stock.put_claim(card, claim_file_content(signed))
    stock.put_usage(card, usage_of(card))
    stock.put_purse(card, 1000)
    stock.put_spent(card, -300)
    stock.put_loads(card, padded(b"a load statement", LOADS_FILE))
    card.power_on()
    return card


def usage_of(card: DesfireCard, **changes: Any) -> bytes:
    """A usage of the ticket on the card."""
    signed = sign_claim(a_claim(), Medium(MediumKind.CARD, card.uid), ISSUER)
    return encode_usage(a_usage(claim=claim_digest(signed), **changes))


def gate_key(card: DesfireCard, key_set: KeySet = KeySet.FIRST) -> bytes:
    """The card's GATE key."""
    return host_keys(MASTERS, card.uid).sets[key_set].keys[CardKey.GATE]


def opened(card: DesfireCard, transceive: Callable[[bytes], bytes] | None = None, knows: bool = True) -> CardContent:
    """The card as a gate reads it."""
    return run_flow(transactions.open_card(gate_key(card), RND_A, lambda digest: knows), transceive or card.process)


def used(card: DesfireCard, content: CardContent, usage: bytes, **more: Any) -> Proof:
    """Write and commit."""
    run_flow(transactions.write_use(content.session, usage, RECORD, **more), card.process)
    return run_flow(transactions.commit(content.session), card.process)


def expected_mac(card: DesfireCard, proof: Proof, content: bytes) -> bytes:
    """What the cloud expects of a card for an input."""
    return transaction_mac(host_keys(MASTERS, card.uid).transaction, card.uid, proof.counter, content)


def image(card: DesfireCard) -> tuple[bytes, ...]:
    """All that a use may change."""
    files = (USAGE_FILE, AMENDMENT_FILE, LOADS_FILE, RENTAL_FILE, PURSE_FILE, SPENT_FILE)
    return (*(stock.content(card, file) for file in files), *stock.recent_records(card))
