# SPDX-License-Identifier: Apache-2.0
"""What a till does with a card that it has read: one change, under a new authentication, and its proof.

The change has a session of its own so that the card's proof covers nothing else: TransactionMAC's input begins empty
with each authentication, and what was read before is no part of it.
"""

import os

from pistegate_edge.core.inputs import WriteResult
from pistegate_edge.keystore.store import KeyStore
from pistegate_edge.readers.pn532 import READER_FAILURES, Card, CardGone
from pistegate_edge.readers.session import run
from pistegate_edge.till.core.actions import Write
from pistegate_edge.till.core.inputs import CardWritten
from pistegate_protocol.card_layout import KEY_BYTES, CardKey, KeySet
from pistegate_protocol.desfire import transactions
from pistegate_protocol.desfire.apdu import CardError, CardRefused
from pistegate_protocol.desfire.ev2 import authenticate

_CUT_SHORT: tuple[type[Exception], ...] = (CardGone, CardError, *READER_FAILURES)


def change_card(card: Card, keys: KeyStore, key_set: KeySet, write: Write) -> CardWritten:
    """Write and commit; never raises for a card or reader that fails, but tells what is known of the card."""
    try:
        key = keys.gate_key(card.uid, key_set)
        session = run(authenticate(CardKey.GATE, key, os.urandom(KEY_BYTES)), card.transceive)
        flow = transactions.write_use(
            session, None, write.record, debit=write.debit, rental=write.rental, loads=write.loads
        )
        run(flow, card.transceive)
    except _CUT_SHORT as error:
        refused = isinstance(error, CardRefused) and error.status is not None
        return CardWritten(write.token, WriteResult.VOID, None, refused, f"before the commit: {error}")
    try:
        proof = run(transactions.commit(session), card.transceive)
    except CardRefused as error:
        # A native status is the card's word that it did not commit; anything else is no word at all.
        result = WriteResult.UNCONFIRMED if error.status is None else WriteResult.VOID
        return CardWritten(write.token, result, None, error.status is not None, f"commit: {error}")
    except _CUT_SHORT as error:
        return CardWritten(write.token, WriteResult.UNCONFIRMED, None, False, f"commit sent: {error}")
    return CardWritten(write.token, WriteResult.OK, proof)
