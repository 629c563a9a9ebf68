# SPDX-License-Identifier: Apache-2.0
"""Attacks on the documents sent down."""

from datetime import timedelta

import pytest
from protocol_cases import CARD, ISSUER, KEY_ID, KEYS, NOW, OTHER_ISSUER, TICKET, TODAY, a_claim, an_amendment

from pistegate_protocol.amendments import sign_amendment
from pistegate_protocol.claims import DAY_ZERO
from pistegate_protocol.documents import (
    DOCUMENT_MAX,
    DOCUMENT_NAMES,
    DOCUMENT_TYPES,
    DOCUMENTS,
    AmendmentList,
    CalendarList,
    DenyList,
    Document,
    DocumentRefused,
    FingerList,
    LoadList,
    LostCards,
    SuspensionList,
    TakeoverList,
    check_newer,
    open_document,
    sign_document,
    verify_document,
)
from pistegate_protocol.errors import CodecError, ProtocolError
from pistegate_protocol.messages import DOWN, SignedDocument
from pistegate_protocol.signing import sign_claim
from pistegate_protocol.suspensions import Suspension

DENIED = DenyList(site=3, version=8, issued_at=1, entries=[(TICKET, 1), (2**48 - 1, 65535)])
SIGNED = sign_document(DENIED, KEY_ID, ISSUER)
NOW_MS = int(NOW.timestamp() * 1000)
ONE_OF_EACH: list[Document] = [
    DENIED,
    AmendmentList(3, 8, 1, [sign_amendment(an_amendment(hold=True), ISSUER)]),
    SuspensionList(3, 8, 1, [(1, NOW_MS, NOW_MS + 60_000, True), (4, NOW_MS, None, False)]),
    CalendarList(3, 8, 1, [(0, []), (3, [0, 2549])]),
    LostCards(3, 8, 1, [bytes.fromhex("04A1B2C3D4E5F6")]),
    LoadList(3, 8, 1, [bytes(90)]),
    FingerList(3, 8, 1, [(bytes(8), bytes(120)), (bytes(8), b"")]),
    TakeoverList(3, 8, 1, [(9, 3, NOW_MS, NOW_MS + 60_000, 1, [3, 4])]),
]


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


# The six kinds.


def test_every_kind_of_document_has_its_name_and_a_case_here() -> None:
    """Hello tells versions by these names; they do not change."""
    assert list(DOCUMENT_NAMES.values()) == [
        "deny_list",
        "amendments",
        "suspensions",
        "calendars",
        "lost_cards",
        "loads",
        "fingers",
        "takeovers",
    ]
    assert list(DOCUMENT_NAMES) == list(DOCUMENTS.records) == [type(each) for each in ONE_OF_EACH]
    assert {DOCUMENT_TYPES[name]: name for name in DOCUMENT_TYPES} == DOCUMENT_NAMES


@pytest.mark.parametrize("document", ONE_OF_EACH, ids=lambda each: type(each).__name__)
def test_each_kind_is_opened_as_itself_only(document: Document) -> None:
    """Genuine and newer, but stored or asked for under the name of another kind: refused."""
    signed = DOWN.decode(DOWN.encode(sign_document(document, KEY_ID, ISSUER)))
    assert verify_document(signed, KEYS, 3) == document
    for kind in DOCUMENT_NAMES:
        if kind is type(document):
            assert open_document(signed, KEYS, 3, 7, kind) == document
        else:
            with pytest.raises(DocumentRefused, match="expected"):
                open_document(signed, KEYS, 3, 7, kind)


@pytest.mark.parametrize("document", ONE_OF_EACH, ids=lambda each: type(each).__name__)
def test_no_kind_is_believed_unsigned_elsewhere_or_twice(document: Document) -> None:
    """The checks of the deny list hold for all of them."""
    signed = sign_document(document, KEY_ID, ISSUER)
    forged = SignedDocument(KEY_ID, signed.body, bytes(64))
    for bad, site in ((forged, 3), (signed, 4), (sign_document(document, KEY_ID, OTHER_ISSUER), 3)):
        with pytest.raises(DocumentRefused):
            verify_document(bad, KEYS, site)
    check_newer(document, 7)
    for version in (8, 9):
        with pytest.raises(DocumentRefused, match="not newer"):
            check_newer(document, version)
        with pytest.raises(DocumentRefused, match="not newer"):
            open_document(signed, KEYS, 3, version, type(document))


@pytest.mark.parametrize(
    "document",
    [
        AmendmentList(3, 8, 1, [bytes(97)]),
        AmendmentList(3, 8, 1, [b""]),
        SuspensionList(3, 8, 1, [(32, 0, None, False)]),
        SuspensionList(3, 8, 1, [(-1, 0, None, False)]),
        SuspensionList(3, 8, 1, [(1, -1, None, False)]),
        SuspensionList(3, 8, 1, [(1, 0, 253_402_300_800_000, False)]),
        CalendarList(3, 8, 1, [(256, [])]),
        CalendarList(3, 8, 1, [(1, [65536])]),
        CalendarList(3, 8, 1, [(1, [-1])]),
        LostCards(3, 8, 1, [bytes(3)]),
        LostCards(3, 8, 1, [bytes(11)]),
        LoadList(3, 8, 1, [bytes(97)]),
    ],
    ids=str,
)
def test_a_document_with_a_value_out_of_range_is_not_signed(document: Document) -> None:
    """Nor would any gate read it."""
    with pytest.raises(CodecError):
        sign_document(document, KEY_ID, ISSUER)


def test_suspensions_and_calendars_are_told_as_decisions_need_them() -> None:
    """Instants in UTC, dates of the site; the ends of what both can hold."""
    suspended = ONE_OF_EACH[2]
    assert isinstance(suspended, SuspensionList)
    closed = suspended.suspensions()
    assert closed == (Suspension(1, NOW, NOW + timedelta(minutes=1), True), Suspension(4, NOW, None, False))
    assert SuspensionList(3, 8, 1, [(1, 0, 253_402_300_799_999, False)]).suspensions()[0].end is not None
    calendars = ONE_OF_EACH[3]
    assert isinstance(calendars, CalendarList)
    assert calendars.calendars() == {0: frozenset(), 3: frozenset({DAY_ZERO, TODAY})}
    assert CalendarList(3, 8, 1, [(0, [65535])]).calendars()[0]
