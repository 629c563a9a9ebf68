# SPDX-License-Identifier: Apache-2.0
"""Bindings: what a handle hides and tells apart, and that a binding's claim is of no use anywhere else."""

from dataclasses import replace

import pytest
from binding_cases import HANDLES, ISSUER, ISSUERS, NUMBER, a_binding, a_claim, a_handle

from pistegate_protocol.bindings import (
    STRETCH_N,
    STRETCH_R,
    HandleKeys,
    decode_binding,
    encode_binding,
    handle_of,
    medium_of,
    stretch,
)
from pistegate_protocol.errors import CodecError, ProtocolError
from pistegate_protocol.identity import DocumentKind, identity
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import ClaimRefused, Medium, MediumKind, open_claim, sign_claim

GUEST = identity(DocumentKind.RESIDENT_ID, NUMBER)
STRETCHED = "af8907a407ed1fa6d6b41b1258290e1a6a20e9f157076a93a3f79a8a22ff22ef"
HANDLE = "0d1ea77c4a785ea5"


def test_a_handle_is_spelled_as_released() -> None:
    """Golden: a change of it would make every binding of a season point nowhere."""
    assert stretch(GUEST, HANDLES.salt).hex() == STRETCHED
    assert HANDLES.handle(GUEST).hex() == HANDLE


def test_handles_of_two_sites_and_of_two_seasons_do_not_meet() -> None:
    """Files of two sites cannot be joined to see who skis where; nor those of two seasons."""
    others = (replace(HANDLES, key=bytes(32)), replace(HANDLES, salt=bytes(16)))
    assert len({keys.handle(GUEST) for keys in (HANDLES, *others)}) == 3


def test_a_document_of_another_kind_with_the_same_number_is_another() -> None:
    """A passport and a permit may carry the same characters."""
    finger, permit = identity(DocumentKind.FINGER, "12345"), identity(DocumentKind.TAIWAN_PERMIT, "00012345")
    assert HANDLES.handle(finger) != HANDLES.handle(permit)
    assert finger.to_bytes()[0] != permit.to_bytes()[0]


def test_new_keys_of_a_site_need_no_numbers() -> None:
    """After a theft the cloud makes the new handles from what it stretched at the sale."""
    kept = stretch(GUEST, HANDLES.salt)
    assert handle_of(kept, bytes(32)) == replace(HANDLES, number=2, key=bytes(32)).handle(GUEST)


def test_guessing_is_slow_by_intent() -> None:
    """A guess takes 4 MiB: all numbers of resident IDs are out of a thief's reach, some thousand are not."""
    assert 128 * STRETCH_N * STRETCH_R == 4 << 20


def test_keys_are_checked_and_do_not_show() -> None:
    """A short key is a mistake in a file; its repr goes into logs."""
    with pytest.raises(CodecError):
        HandleKeys(1, bytes(16), b"")
    assert repr(HANDLES) == "HandleKeys(1, ...)"


def test_a_binding_comes_back_with_its_claim() -> None:
    """The same signed bytes: what a gate believes is what the issuer signed."""
    key, value = a_binding(41)
    binding = decode_binding(key, value)
    assert (binding.medium, binding.ticket) == (Medium(MediumKind.IDENTITY, a_handle(41)), 41)
    assert open_claim(binding.signed, binding.medium, ISSUERS) == a_claim(41)
    assert binding.key == key
    assert (len(key), len(value)) == (14, 90)


def test_a_stolen_table_prints_no_tickets() -> None:
    """The claims in it are bound to their documents: as a QR code, on a card, or for another guest they are refused."""
    binding = decode_binding(*a_binding(41))
    elsewhere = (
        Medium(MediumKind.BEARER),
        Medium(MediumKind.CARD, a_handle(41)),
        Medium(MediumKind.FINGER, a_handle(41)),
        Medium(MediumKind.IDENTITY, a_handle(42)),
    )
    for medium in elsewhere:
        with pytest.raises(ClaimRefused) as refused:
            open_claim(binding.signed, medium, ISSUERS)
        assert refused.value.reason is Reason.WRONG_MEDIUM


def test_a_binding_moved_to_another_handle_is_not_believed() -> None:
    """Who signs documents cannot give one guest's ticket to another: the claim's own signature names the handle."""
    key, value = a_binding(41)
    moved = decode_binding(a_handle(42) + key[8:], value)
    with pytest.raises(ClaimRefused) as refused:
        open_claim(moved.signed, moved.medium, ISSUERS)
    assert refused.value.reason is Reason.SIGNATURE_INVALID


def test_a_bearers_claim_is_no_binding() -> None:
    """A mistake in the cloud must not put 200,000 QR codes on every gate."""
    for medium in (Medium(MediumKind.BEARER), Medium(MediumKind.CARD, bytes(7)), Medium(MediumKind.IDENTITY, bytes(7))):
        with pytest.raises(CodecError):
            encode_binding(sign_claim(a_claim(1), medium, ISSUER))


def believed(key: bytes, value: bytes) -> None:
    found = decode_binding(key, value)
    open_claim(found.signed, found.medium, ISSUERS)


def test_malformed_bindings_are_refused() -> None:
    """Of any length, with another ticket than their claim's, of a medium that has no handles."""
    key, value = a_binding(41)
    for cut in range(len(value)):
        with pytest.raises(ProtocolError):
            believed(key, value[:cut])
    for wrong in (
        (key[:-1], value),
        (key[:-1] + b"\x00", value),
        (key, b"\x01" + value[1:]),
        (key, b"\x63" + value[1:]),
    ):
        with pytest.raises(CodecError):
            decode_binding(*wrong)


def test_fingers_have_a_medium_of_their_own() -> None:
    """The journal tells how somebody came in."""
    assert medium_of(DocumentKind.FINGER, bytes(8)).kind is MediumKind.FINGER
    assert medium_of(DocumentKind.CHIP, bytes(8)).kind is MediumKind.IDENTITY
