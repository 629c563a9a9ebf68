# SPDX-License-Identifier: Apache-2.0
"""Attacks on the documents sent down."""

import pytest
from protocol_cases import CARD, ISSUER, KEY_ID, KEYS, OTHER_ISSUER, TICKET, a_claim

from pistegate_protocol.documents import (
    DOCUMENT_MAX,
    DOCUMENTS,
    DenyList,
    DocumentRefused,
    open_document,
    sign_document,
)
from pistegate_protocol.errors import CodecError, ProtocolError
from pistegate_protocol.messages import DOWN, SignedDocument
from pistegate_protocol.signing import sign_claim

DENIED = DenyList(site=3, version=8, issued_at=1, entries=[(TICKET, 1), (2**48 - 1, 65535)])
SIGNED = sign_document(DENIED, KEY_ID, ISSUER)


def test_a_genuine_newer_document_is_applied() -> None:
    """As it arrives in a message, from any older version."""
    arrived = DOWN.decode(DOWN.encode(SIGNED))
    for version in (0, 7):
        assert open_document(arrived, KEYS, 3, version) == DENIED


@pytest.mark.parametrize("version", [8, 9, 2**31])
def test_a_replayed_document_is_refused(version: int) -> None:
    """An old deny list would let revoked tickets in again."""
    with pytest.raises(DocumentRefused, match="not newer"):
        open_document(SIGNED, KEYS, 3, version)


def test_a_document_of_another_site_is_refused() -> None:
    """Genuine, but not for here."""
    with pytest.raises(DocumentRefused, match="site"):
        open_document(SIGNED, KEYS, 4, 0)


def test_every_single_bit_change_of_a_document_is_refused() -> None:
    """Body, signature and key id."""
    for field in ("body", "signature"):
        whole = getattr(SIGNED, field)
        for at in range(len(whole)):
            for bit in range(8):
                changed = bytearray(whole)
                changed[at] ^= 1 << bit
                parts = {"body": SIGNED.body, "signature": SIGNED.signature} | {field: bytes(changed)}
                with pytest.raises(DocumentRefused, match="signature"):
                    open_document(SignedDocument(KEY_ID, **parts), KEYS, 3, 0)
    for bit in range(8):
        with pytest.raises(DocumentRefused, match="unknown key"):
            open_document(SignedDocument(KEY_ID ^ 1 << bit, SIGNED.body, SIGNED.signature), KEYS, 3, 0)


def test_a_document_of_another_issuer_is_refused() -> None:
    """With the key id of ours."""
    with pytest.raises(DocumentRefused, match="signature"):
        open_document(sign_document(DENIED, KEY_ID, OTHER_ISSUER), KEYS, 3, 0)


def test_a_signature_made_for_a_ticket_does_not_sign_a_document() -> None:
    """Each purpose has its own label."""
    body = DOCUMENTS.encode(DENIED)
    for signature in (ISSUER.sign(body), sign_claim(a_claim(), CARD, ISSUER)[-64:]):
        with pytest.raises(DocumentRefused, match="signature"):
            open_document(SignedDocument(KEY_ID, body, signature), KEYS, 3, 0)


@pytest.mark.parametrize("body", [b"", b"\x01", b"\x02\x95", b"\x01\x91\x09"])
def test_a_signed_document_that_cannot_be_read_is_a_protocol_error(body: bytes) -> None:
    """Of a later release, for example: refused, and the list in force stays in force."""
    signature = ISSUER.sign(b"pistegate document\x00" + body)
    with pytest.raises(ProtocolError):
        open_document(SignedDocument(KEY_ID, body, signature), KEYS, 3, 0)


def test_the_largest_deny_list_fits_a_message_and_a_larger_one_is_not_signed() -> None:
    """About 85,000 entries in one message; more travel otherwise (a later release)."""
    entry = (2**48 - 1, 65535)
    many = DenyList(3, 9, 1, [entry] * 80_000)
    assert open_document(DOWN.decode(DOWN.encode(sign_document(many, KEY_ID, ISSUER))), KEYS, 3, 8) == many
    with pytest.raises(CodecError, match=str(DOCUMENT_MAX)):
        sign_document(DenyList(3, 9, 1, [entry] * 90_000), KEY_ID, ISSUER)
