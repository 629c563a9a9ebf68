# SPDX-License-Identifier: Apache-2.0
"""Amendments: signed, small, and never believed on anybody else's word."""

import contextlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import ISSUER, KEY_ID, KEYS, OTHER_ISSUER, TICKET, TODAY, amendments, an_amendment

from pistegate_protocol.amendments import (
    AMENDMENT_MAX,
    Amendment,
    AmendmentRefused,
    amendment_in_file,
    newest_by_ticket,
    open_amendment,
    sign_amendment,
)
from pistegate_protocol.card_layout import AMENDMENT_FILE, padded
from pistegate_protocol.errors import CodecError, UnknownVersion
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import KeyRing

ANY_KEY = KeyRing({number: ISSUER.public_key().public_bytes_raw() for number in range(256)})
EVERYTHING = an_amendment(
    number=9,
    valid_until=TODAY,
    areas=frozenset({1, 31}),
    hold=True,
    extra_minutes=90,
    returns=300,
    return_day=TODAY,
)


@given(amendments())
def test_every_amendment_comes_back_from_its_padded_file(amendment: Amendment) -> None:
    """What the desk changed is what the gate reads, in at most 96 bytes; a blank file holds none."""
    signed = sign_amendment(amendment, ISSUER)
    assert open_amendment(signed, ANY_KEY) == amendment
    content = padded(signed, AMENDMENT_FILE)
    assert len(content) == AMENDMENT_MAX
    assert amendment_in_file(content) == signed
    assert amendment_in_file(bytes(AMENDMENT_MAX)) is None


def test_every_single_bit_change_is_refused() -> None:
    """Ticket, number, hold, extension, persons given back, signature: none can be altered on a card."""
    signed = sign_amendment(EVERYTHING, ISSUER)
    for at in range(len(signed)):
        for bit in range(8):
            changed = signed[:at] + bytes([signed[at] ^ 1 << bit]) + signed[at + 1 :]
            with pytest.raises((AmendmentRefused, CodecError)):
                open_amendment(changed, KEYS)


def test_an_amendment_of_another_issuer_is_refused() -> None:
    """With the key id of ours, and with one that nobody knows here."""
    with pytest.raises(AmendmentRefused) as refused:
        open_amendment(sign_amendment(an_amendment(), OTHER_ISSUER), KEYS)
    assert refused.value.reason is Reason.SIGNATURE_INVALID
    with pytest.raises(AmendmentRefused) as refused:
        open_amendment(sign_amendment(an_amendment(key_id=KEY_ID + 1), ISSUER), KEYS)
    assert refused.value.reason is Reason.KEY_UNKNOWN


def test_a_signature_made_for_something_else_does_not_sign_an_amendment() -> None:
    """Each purpose has its own label."""
    body = sign_amendment(an_amendment(), ISSUER)[:-64]
    for label in (b"", b"pistegate claim\x00", b"pistegate document\x00", b"pistegate load\x00"):
        with pytest.raises(AmendmentRefused):
            open_amendment(body + ISSUER.sign(label + body), KEYS)


@given(st.binary(max_size=100), st.integers(0, 0x7F))
def test_random_bytes_never_raise_anything_but_codec_error(data: bytes, changes: int) -> None:
    """Garbage in the amendment file ends in one family of errors."""
    for each in (data, b"\x01" + data[1:9] + bytes([changes]) + data[10:]):
        with contextlib.suppress(CodecError):
            amendment_in_file(each)
        with contextlib.suppress(CodecError, AmendmentRefused):
            open_amendment(each, KEYS)


@given(amendments(), st.data())
def test_an_amendment_cut_short_or_extended_is_refused(amendment: Amendment, data: st.DataObject) -> None:
    """No prefix of one is one, and nothing may follow it."""
    signed = sign_amendment(amendment, ISSUER)
    cut = signed[: data.draw(st.integers(0, len(signed) - 1))]
    for damaged in (cut, signed + data.draw(st.binary(min_size=1, max_size=9))):
        with pytest.raises(CodecError):
            open_amendment(damaged, ANY_KEY)
    with pytest.raises(CodecError, match="after"):
        amendment_in_file(signed + b"\x01")


@pytest.mark.parametrize("at", [0, 9], ids=["format", "changes"])
def test_an_amendment_of_a_later_release_is_told_apart_from_damage(at: int) -> None:
    """A change that this gate cannot evaluate must not be skipped."""
    signed = bytearray(sign_amendment(EVERYTHING, ISSUER))
    signed[at] |= 0x40
    for read in (lambda data: open_amendment(data, KEYS), amendment_in_file):
        with pytest.raises(UnknownVersion):
            read(bytes(signed))


def test_a_change_of_nothing_has_no_spelling() -> None:
    """An extension of 0 minutes, signed: one amendment has one spelling only."""
    body = sign_amendment(an_amendment(extra_minutes=1), ISSUER)[:-66] + bytes(2)
    with pytest.raises(CodecError, match="change of nothing"):
        open_amendment(body + ISSUER.sign(b"pistegate amendment\x00" + body), KEYS)


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 0},
        {"number": 256},
        {"key_id": 256},
        {"ticket": 2**48},
        {"ticket": -1},
        {"valid_until": date(2019, 12, 31)},
        {"valid_until": date(2220, 1, 1)},
        {"areas": frozenset({32})},
        {"extra_minutes": 65536},
        {"extra_minutes": -1},
        {"returns": 65536},
        {"return_day": TODAY},
    ],
    ids=str,
)
def test_an_amendment_that_cannot_be_is_not_signed(changes: dict[str, Any]) -> None:
    """Found where it is made and not at a gate."""
    with pytest.raises(CodecError):
        sign_amendment(an_amendment(**changes), ISSUER)


def test_the_highest_number_of_each_ticket_alone_holds() -> None:
    """In whatever order a list names them; a malformed entry is an error, not a hole."""
    other = an_amendment(ticket=TICKET + 1, number=4)
    signed = [sign_amendment(each, ISSUER) for each in (an_amendment(number=2), EVERYTHING, an_amendment(), other)]
    assert newest_by_ticket(signed) == {TICKET: signed[1], TICKET + 1: signed[3]}
    assert newest_by_ticket([]) == {}
    with pytest.raises(CodecError):
        newest_by_ticket([*signed, b"\x01"])
