# SPDX-License-Identifier: Apache-2.0
"""From the files of a card to a believed claim and its usage, or the reason why not."""

from dataclasses import dataclass

from pistegate_protocol.card_layout import claim_in_file
from pistegate_protocol.claims import Claim, decode_claim
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import ClaimRefused, KeyRing, Medium, claim_digest, open_claim, split_signed_claim
from pistegate_protocol.usage import Usage, decode_usage


@dataclass(frozen=True, slots=True)
class Ticket:
    """A believed claim (`signed`: as on the card) and the usage that belongs to it."""

    claim: Claim
    usage: Usage
    signed: bytes = b""


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a card's content cannot be decided on; `ticket` where the claim itself is believed."""

    reason: Reason
    detail: str = ""
    ticket: int | None = None


def read_ticket(claim_file: bytes, usage_file: bytes, medium: Medium, issuers: KeyRing) -> Ticket | Unusable:
    """The ticket on a card of ours."""
    try:
        signed = claim_in_file(claim_file)
    except UnknownVersion as error:
        return Unusable(Reason.VERSION_UNKNOWN, str(error))
    except CodecError as error:
        return Unusable(Reason.UNREADABLE, str(error))
    if signed is None:
        return Unusable(Reason.NO_TICKET)
    return signed_ticket(signed, usage_file, medium, issuers)


def signed_ticket(signed: bytes, usage_file: bytes, medium: Medium, issuers: KeyRing | None) -> Ticket | Unusable:
    """The ticket of a signed claim; `issuers` is None for one whose signature was verified before."""
    try:
        claim = _claimed(signed, medium) if issuers is None else open_claim(signed, medium, issuers)
    except ClaimRefused as error:
        return Unusable(error.reason, str(error))
    except CodecError as error:
        return Unusable(Reason.UNREADABLE, str(error))
    return _with_usage(claim, signed, usage_file)


def _claimed(signed: bytes, medium: Medium) -> Claim:
    body, bound, _, _ = split_signed_claim(signed)
    if bound != medium:
        raise ClaimRefused(Reason.WRONG_MEDIUM)
    return decode_claim(body)


def _with_usage(claim: Claim, signed: bytes, usage_file: bytes) -> Ticket | Unusable:
    try:
        usage = decode_usage(usage_file)
    except UnknownVersion as error:
        return Unusable(Reason.VERSION_UNKNOWN, str(error), claim.ticket)
    except CodecError as error:
        return Unusable(Reason.USAGE_INVALID, str(error), claim.ticket)
    if usage.claim != claim_digest(signed):
        return Unusable(Reason.USAGE_INVALID, "usage names another claim", claim.ticket)
    return Ticket(claim, usage, signed)
