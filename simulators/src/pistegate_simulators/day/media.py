# SPDX-License-Identifier: Apache-2.0
"""What a guest's card carries besides an honest ticket: yesterday's ride, or a forger's claim."""

from random import Random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pistegate_protocol.card_layout import claim_file_content, claim_in_file
from pistegate_protocol.claims import decode_claim
from pistegate_protocol.signing import Medium, MediumKind, claim_digest, sign_claim, split_signed_claim
from pistegate_protocol.usage import Usage, encode_usage
from pistegate_simulators import stock
from pistegate_simulators.card import DesfireCard


def use_up(card: DesfireCard) -> None:
    """Ride once, earlier and elsewhere: the one entry of the card's ticket is used."""
    used = Usage(claim=claim_digest(_signed_claim(card)), used_total=1)
    stock.put_usage(card, encode_usage(used))


def forge(card: DesfireCard, rng: Random) -> None:
    """Sign the card's claim anew with a key that only looks like the issuer's."""
    body, _, _, _ = split_signed_claim(_signed_claim(card))
    forger = Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
    forged = sign_claim(decode_claim(body), Medium(MediumKind.CARD, card.uid), forger)
    stock.put_claim(card, claim_file_content(forged))
    stock.put_usage(card, encode_usage(Usage(claim=claim_digest(forged))))


def _signed_claim(card: DesfireCard) -> bytes:
    signed = claim_in_file(stock.claim_content(card))
    if signed is None:
        raise ValueError("the card holds no ticket")
    return signed
