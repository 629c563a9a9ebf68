# SPDX-License-Identifier: Apache-2.0
"""What a card must have MACed, from the event that tells of it: bytes that follow from the event, none that were told.

A card proves each commit by a TransactionMAC over everything that was read and written since the authentication, with
a key that only the cloud holds. So a device that writes one thing and tells another, or tells of a transaction that
never was, cannot know the value.
"""

import hmac
from collections.abc import Iterable
from datetime import UTC

from pistegate_protocol.card_uses import use_record
from pistegate_protocol.decision import GateProfile
from pistegate_protocol.desfire.tmac import transaction_mac
from pistegate_protocol.desfire.transactions import Debit, use_input
from pistegate_protocol.errors import CodecError
from pistegate_protocol.events import COUNTERS_EVENT_BYTES, READ_AMENDMENT, READ_CLAIM, Admitted, CardUse, Proof
from pistegate_protocol.records import passage_record
from pistegate_protocol.usage import usage_file


class ContentUnknown(CodecError):
    """The card read something (its claim, an amendment) that is not known here, so that nothing can be said."""


def lane_codes(site: int, gate: int) -> tuple[int, int]:
    """What a record calls a lane: for a claim of the site, and for one of the group."""
    lane = GateProfile(site=site, group=0, gate=gate, post_gates=frozenset({gate}), area=0, zone=UTC)
    return lane.code(group=False), lane.code(group=True)


def admission_input(
    event: Admitted,
    name: bytes,
    code: int,
    *,
    claim_file: bytes | None = None,
    amendment_file: bytes | None = None,
) -> bytes:
    """The input of a gate's transaction; `name`: the admission's, `code`: its lane's for this claim (GateProfile.code).

    `claim_file`, `amendment_file`: what those files held; ContentUnknown when the event says that one was read and it
    is None, CodecError when the event cannot have been a card's.
    """
    if len(event.before) != COUNTERS_EVENT_BYTES:
        raise CodecError("an admission whose medium has no memory has no proof")
    return use_input(
        usage_file(event.before, event.claim, event.prev),
        usage_file(event.counters, event.claim, name),
        passage_record(event.at, event.exit, code, event.n, name),
        claim_file=_read(event, READ_CLAIM, claim_file),
        amendment_read=_read(event, READ_AMENDMENT, amendment_file),
        amendment_written=event.amendment or None,
    )


def card_use_input(event: CardUse, device: int, name: bytes) -> bytes:
    """The input of a till's transaction: it authenticates anew before it writes, so that nothing read is in it."""
    return use_input(
        None,
        None,
        use_record(event, device, name),
        loads_written=event.statement or None,
        rental_written=event.rental or None,
        debit=Debit(event.purse, event.loads),
    )


def proves(key: bytes, uid: bytes, proof: Proof, inputs: Iterable[bytes]) -> bool:
    """Whether the card `uid`, whose AppTransactionMACKey is `key`, made this proof over one of `inputs`."""
    counter, value = proof
    if counter < 1:
        return False
    return any(hmac.compare_digest(transaction_mac(key, uid, counter, whole), value) for whole in inputs)


def _read(event: Admitted, bit: int, content: bytes | None) -> bytes | None:
    if not event.reads & bit:
        return None
    if content is None:
        raise ContentUnknown("the card read a file whose content is not known")
    return content
