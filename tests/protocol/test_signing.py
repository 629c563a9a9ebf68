# SPDX-License-Identifier: Apache-2.0
"""Attacks on signed claims: each is refused, with the reason that a gate will tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import CARD, ISSUER, KEY_ID, KEYS, OTHER_ISSUER, a_claim, claims

from pistegate_protocol.claims import CLAIM_BODY_MAX, Claim, HolderClass, Scope, encode_claim
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import (
    MEDIUM_ID_MAX,
    SIGNATURE_BYTES,
    ClaimRefused,
    KeyRing,
    Medium,
    MediumKind,
    claim_digest,
    open_claim,
    sign_claim,
    signed_claim_length,
    split_signed_claim,
)

BEARER = Medium(MediumKind.BEARER)
SEVERAL = [
    (a_claim(), CARD),
    (a_claim(), BEARER),
    (a_claim(), Medium(MediumKind.CARD, bytes(4))),
    (a_claim(party=255, entries_per_day=1, entries_total=7, reentry_s=0, batch=255), CARD),
    (a_claim(scope=Scope(0x7FFF, True), holder=HolderClass.VIP, areas=frozenset(range(32))), CARD),
]


def reason_of(signed: bytes, medium: Medium = CARD, keys: KeyRing = KEYS) -> Reason | None:
    """Why `signed` is refused; None when it is believed. Any other exception ends the test."""
    try:
        open_claim(signed, medium, keys)
    except ClaimRefused as refused:
        return refused.reason
    return None


@given(claims(), st.binary(max_size=MEDIUM_ID_MAX))
def test_a_genuine_claim_is_believed_on_its_own_medium(claim: Claim, uid: bytes) -> None:
    """And only the key id decides which key."""
    medium = Medium(MediumKind.CARD, uid)
    keys = KeyRing({claim.key_id: ISSUER.public_key().public_bytes_raw()})
    signed = sign_claim(claim, medium, ISSUER)
    assert open_claim(signed, medium, keys) == claim
    assert len(signed) <= 120
    assert signed_claim_length(signed.ljust(128, b"\x00")) == len(signed)


@pytest.mark.parametrize(("claim", "medium"), SEVERAL, ids=str)
def test_every_single_bit_change_of_a_signed_claim_is_refused(claim: Claim, medium: Medium) -> None:
    """Body, binding, lengths, format and signature: 8 changes of each byte, none believed, none a crash."""
    signed = sign_claim(claim, medium, ISSUER)
    assert reason_of(signed, medium) is None
    for at in range(len(signed)):
        for bit in range(8):
            changed = bytearray(signed)
            changed[at] ^= 1 << bit
            assert reason_of(bytes(changed), medium) is not None, f"bit {bit} of byte {at}"


@given(st.binary(max_size=160))
def test_random_bytes_are_refused_and_never_crash_the_gate(data: bytes) -> None:
    """With and without a plausible beginning."""
    for signed in (data, b"\x01" + data, b"\x01\x19\x01" + data):
        assert reason_of(signed) is not None


def test_claim_copied_to_another_card_is_wrong_medium() -> None:
    """The signature holds, the card does not."""
    signed = sign_claim(a_claim(), CARD, ISSUER)
    for uid in (bytes(7), CARD.id[:4], CARD.id + b"\x00", b""):
        assert reason_of(signed, Medium(MediumKind.CARD, uid)) is Reason.WRONG_MEDIUM
    assert reason_of(signed, BEARER) is Reason.WRONG_MEDIUM


def test_bearer_claim_copied_to_a_card_is_wrong_medium() -> None:
    """A code bought once, written to ten cards, would be ten tickets with a usage each."""
    assert reason_of(sign_claim(a_claim(), BEARER, ISSUER), CARD) is Reason.WRONG_MEDIUM


def test_claim_of_an_unknown_key_is_told_as_such() -> None:
    """A gate that has not heard of a new issuer key does not call its tickets forged."""
    assert reason_of(sign_claim(a_claim(key_id=8), CARD, ISSUER)) is Reason.KEY_UNKNOWN


def test_another_issuer_with_the_same_key_id_is_a_forgery() -> None:
    """A key id proves nothing."""
    assert reason_of(sign_claim(a_claim(), CARD, OTHER_ISSUER)) is Reason.SIGNATURE_INVALID


def test_signature_over_the_bare_claim_is_a_forgery() -> None:
    """Something signed with the same key for another purpose must not pass as a ticket."""
    unsigned = sign_claim(a_claim(), CARD, ISSUER)[:-SIGNATURE_BYTES]
    assert reason_of(unsigned + ISSUER.sign(unsigned)) is Reason.SIGNATURE_INVALID
    document = b"pistegate document\x00"
    assert reason_of(unsigned + ISSUER.sign(document + unsigned)) is Reason.SIGNATURE_INVALID


def test_signature_of_another_claim_is_a_forgery() -> None:
    """Mix and match of two genuine tickets."""
    first, second = sign_claim(a_claim(), CARD, ISSUER), sign_claim(a_claim(party=4), CARD, ISSUER)
    assert reason_of(second[:-SIGNATURE_BYTES] + first[-SIGNATURE_BYTES:]) is Reason.SIGNATURE_INVALID


def test_malleated_signature_is_a_forgery() -> None:
    """Ed25519: S + L would verify under a careless library and give one ticket two digests."""
    order = 2**252 + 27742317777372353535851937790883648493
    signed = sign_claim(a_claim(), CARD, ISSUER)
    s = int.from_bytes(signed[-32:], "little") + order
    assert reason_of(signed[:-32] + s.to_bytes(32, "little")) is Reason.SIGNATURE_INVALID


@pytest.mark.parametrize("extra", [b"\x00", bytes(8), b"\xff" * 64])
def test_bytes_after_the_claim_are_refused(extra: bytes) -> None:
    """The padding of a card file is cut before, by the layout's own rule."""
    assert reason_of(sign_claim(a_claim(), CARD, ISSUER) + extra) is Reason.UNREADABLE


def test_every_truncation_is_unreadable() -> None:
    """A torn write of the claim file."""
    signed = sign_claim(a_claim(), CARD, ISSUER)
    for length in range(len(signed)):
        assert reason_of(signed[:length]) is Reason.UNREADABLE


def test_newer_formats_are_told_as_such() -> None:
    """Format, claim version and medium kind of a later release: `version unknown`, before any key is asked for."""
    signed = bytearray(sign_claim(a_claim(key_id=99), CARD, ISSUER))
    kind_at = 2 + signed[1]
    assert signed[kind_at] == MediumKind.CARD
    for at in (0, 2, kind_at):
        newer = bytearray(signed)
        newer[at] = 99
        assert reason_of(bytes(newer)) is Reason.VERSION_UNKNOWN


def test_a_body_that_cannot_be_a_claim_is_unreadable_even_when_signed() -> None:
    """An issuer's own bug does not open a lane."""
    body = encode_claim(a_claim()) + b"\x00"
    unsigned = bytes([1, len(body)]) + body + bytes([MediumKind.CARD, len(CARD.id)]) + CARD.id
    signed = unsigned + ISSUER.sign(b"pistegate claim\x00" + unsigned)
    assert reason_of(signed) is Reason.UNREADABLE
    assert len(body) <= CLAIM_BODY_MAX


def test_split_gives_the_parts() -> None:
    """The parts are what was put in."""
    signed = sign_claim(a_claim(), CARD, ISSUER)
    body, bound, unsigned, signature = split_signed_claim(signed)
    assert (body, bound, unsigned + signature) == (encode_claim(a_claim()), CARD, signed)
    assert len(signature) == SIGNATURE_BYTES


def test_a_medium_id_that_is_too_long_is_not_signed() -> None:
    """No reader gives one."""
    with pytest.raises(CodecError):
        sign_claim(a_claim(), Medium(MediumKind.CARD, bytes(MEDIUM_ID_MAX + 1)), ISSUER)


@given(st.sampled_from(MediumKind), st.binary(max_size=MEDIUM_ID_MAX))
def test_a_medium_comes_back_from_its_bytes(kind: MediumKind, uid: bytes) -> None:
    """As events carry it."""
    assert Medium.from_bytes(Medium(kind, uid).to_bytes()) == Medium(kind, uid)


@pytest.mark.parametrize("data", [b"", bytes(18)])
def test_a_medium_of_a_wrong_length_is_refused(data: bytes) -> None:
    """One kind byte, at most 16 of id."""
    with pytest.raises(CodecError):
        Medium.from_bytes(data)


def test_a_medium_of_a_later_release_is_told_as_such() -> None:
    """Kinds are added over time."""
    with pytest.raises(UnknownVersion):
        Medium.from_bytes(b"\x63abc")


def test_the_digest_names_claim_binding_and_signature() -> None:
    """Two cards with one ticket have two digests: a usage moved from one to the other is found."""
    one, other = (sign_claim(a_claim(), Medium(MediumKind.CARD, uid), ISSUER) for uid in (b"\x01" * 7, b"\x02" * 7))
    assert claim_digest(one) != claim_digest(other)
    assert KEY_ID in KEYS
    assert 8 not in KEYS
