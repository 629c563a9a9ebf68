# SPDX-License-Identifier: Apache-2.0
"""Reads a whole card in one session and leaves it exactly as it was: reads only, no commit."""

from collections.abc import Generator

from pistegate_edge.card.facts import CardFiles
from pistegate_protocol.card_layout import CLAIM_FILE, RECORDS_VISIBLE, KeySet
from pistegate_protocol.desfire import transactions
from pistegate_protocol.desfire.transactions import CardContent


def read_rest(uid: bytes, key_set: KeySet, content: CardContent) -> Generator[bytes, bytes, CardFiles]:
    """What a gate does not read: wallet, rental, proof and records (6 to 10 exchanges more); ends the session.

    `content` is of `transactions.open_card` with nothing known, so that the claim was read.
    """
    wallet = yield from transactions.read_wallet(content.session)
    rental = yield from transactions.read_rental(content.session)
    proof = yield from transactions.read_proof(content.session)
    # Last, for a card without any record answers an error, which ends its session.
    records = yield from transactions.read_records(content.session, RECORDS_VISIBLE)
    return CardFiles(
        uid=uid,
        key_set=key_set,
        usage=content.usage_file,
        claim=content.claim_file if content.claim_file is not None else bytes(CLAIM_FILE.size),
        amendment=content.amendment_file,
        purse=wallet.purse,
        loads=wallet.loads_file,
        spent=wallet.spent,
        rental=rental,
        proof=proof,
        records=records,
    )
