# SPDX-License-Identifier: Apache-2.0
"""Codes as text: one text per ticket, every wrong digit noticed, everything else told apart in a guest's words."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import segno
from code_cases import STRANGERS, a_sheet, largest_claim, rechecked, rotating_code, static_text
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import CARD, ISSUER, KEYS, NOW, OTHER_ISSUER, a_claim, a_gate, a_usage, claims

from pistegate_protocol.claims import CLAIM_BODY_MAX, CLAIM_BODY_MIN, Claim, Scope, encode_claim
from pistegate_protocol.codes import (
    BEARER,
    NotOurs,
    PickUpCode,
    TicketCode,
    code_text,
    open_code,
    parse,
    pick_up_text,
    ticket_text,
)
from pistegate_protocol.decide import Knowledge, Refuse, decide
from pistegate_protocol.errors import CodecError
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import LINK_BYTES, ReadAt, Rotating
from pistegate_protocol.signing import ClaimRefused, KeyRing, sign_claim

READ = ReadAt(NOW)
GOLDEN = Path(__file__).parent / "fixtures" / "codes_v1.json"
TEXTS = [static_text(), static_text(largest_claim()), code_text(rotating_code())]


def reason_of(text: str, keys: KeyRing = KEYS, read: ReadAt = READ) -> Reason | None:
    """Why a gate with `keys` refuses `text`; None when it believes it. Any other exception ends the test."""
    parsed = parse(text)
    if isinstance(parsed, NotOurs):
        return parsed.reason
    assert isinstance(parsed, TicketCode)
    try:
        open_code(parsed, keys, read)
    except ClaimRefused as refused:
        return refused.reason
    return None


@given(claims())
def test_a_claim_comes_back_from_its_text(claim: Claim) -> None:
    """Whatever its terms: one text, digits only, and the signed claim bit by bit."""
    keys = KeyRing({claim.key_id: ISSUER.public_key().public_bytes_raw()})
    signed = sign_claim(claim, BEARER, ISSUER)
    text = ticket_text(signed)
    assert set(text) <= set("0123456789")
    parsed = parse(text)
    assert isinstance(parsed, TicketCode)
    assert parsed.signed == signed
    opened = open_code(parsed, keys, READ)
    assert (opened.claim, opened.signed, opened.medium, opened.tick) == (claim, signed, BEARER, None)


@pytest.mark.parametrize("text", TEXTS, ids=["static", "largest", "rotating"])
def test_every_wrong_digit_is_noticed_before_the_signature(text: str) -> None:
    """Each position, each other digit: none is a ticket, so that a misreading is never told as a forgery."""
    for at, right in enumerate(text):
        for wrong in set("0123456789") - {right}:
            parsed = parse(text[:at] + wrong + text[at + 1 :])
            assert isinstance(parsed, NotOurs), (at, wrong)
            assert at == 0 or parsed.reason is Reason.CODE_MISREAD


@pytest.mark.parametrize("text", TEXTS, ids=["static", "largest", "rotating"])
def test_every_wrong_digit_is_refused_even_with_its_check_digits_put_right(text: str) -> None:
    """A forger can do sums: then the signature refuses."""
    for at in range(1, len(text) - 4):
        for add in (1, 5):
            wrong = str((int(text[at]) + add) % 10)
            assert reason_of(rechecked(text[:at] + wrong + text[at + 1 :])) is not None, at


@given(st.data())
def test_no_two_texts_are_the_same_ticket(data: st.DataObject) -> None:
    """Whatever parses as a ticket is spelled as we spell it: no leading zero, sign, blank or second width."""
    length = data.draw(st.sampled_from([len(text) for text in TEXTS] + [220, 222, 225, 266, 273]))
    digits = data.draw(st.text("0123456789", min_size=length - 5, max_size=length - 5))
    text = rechecked(data.draw(st.sampled_from("12")) + digits + "0000")
    parsed = parse(text)
    if isinstance(parsed, TicketCode):
        assert code_text(parsed) == text
    for other in (f"0{text}", f" {text}", f"{text} ", f"{text}\n", f"+{text}", f"{text[:9]}_{text[9:]}", f"{text}0"):
        assert isinstance(parse(other), NotOurs)


def test_a_number_beyond_the_bytes_is_no_second_spelling() -> None:
    """The widest numbers do not fit their bytes: refused, not cut."""
    for length in (220, 246, 292):
        text = rechecked(("1" if length < 250 else "2") + "9" * (length - 5) + "0000")
        assert parse(text) == NotOurs(Reason.CODE_MISREAD)


def test_qr_versions_are_as_promised() -> None:
    """At ECC M: static codes of any body at most version 6, rotating ones 7 (8 is promised), pick-up codes 1."""
    for size in range(CLAIM_BODY_MIN, CLAIM_BODY_MAX + 1):
        static = TicketCode(b"\xff" * size, b"\xff" * 64)
        rotating = TicketCode(static.body, static.signature, Rotating(2**24 - 1, 6400, b"\xff" * LINK_BYTES))
        for code, most in ((static, 6), (rotating, 7)):
            assert parse(code_text(code)) == code
            assert segno.make_qr(code_text(code), error="m", boost_error=False).version <= most
    assert segno.make_qr(pick_up_text(1), error="m", boost_error=False).version == 1


@pytest.mark.parametrize(("text", "reason"), STRANGERS, ids=range(len(STRANGERS)))
def test_what_guests_show_instead_has_its_own_words(text: str, reason: Reason) -> None:
    """Links, Wi-Fi, payment codes, others' tickets, texts, halves and doubles."""
    assert parse(text) == NotOurs(reason)


@pytest.mark.parametrize("text", TEXTS, ids=["static", "largest", "rotating"])
def test_a_truncated_code_is_told_as_truncated(text: str) -> None:
    """Cut anywhere at its end or its beginning; where the rest has a length of ours, the check digits tell."""
    for length in range(40, len(text)):
        assert reason_of(text[:length]) in (Reason.CODE_TRUNCATED, Reason.CODE_MISREAD)
        assert isinstance(parse(text[-length:]), NotOurs)
    truncated = [length for length in range(40, len(text)) if reason_of(text[:length]) is Reason.CODE_TRUNCATED]
    assert len(truncated) > 0.9 * (len(text) - 40)


def test_two_codes_run_together_are_too_long() -> None:
    """A keyboard scanner without its line end."""
    for text in TEXTS:
        assert parse(text + text) == NotOurs(Reason.CODE_TOO_LONG)


def test_a_code_of_a_later_release_is_told_as_such() -> None:
    """Another leading digit with right check digits; and a claim of a later version in a code of this one."""
    later = rechecked("3" + static_text()[1:])
    assert parse(later) == NotOurs(Reason.VERSION_UNKNOWN)
    body = b"\x02" + encode_claim(a_claim())[1:]
    assert reason_of(code_text(TicketCode(body, bytes(64)))) is Reason.VERSION_UNKNOWN


def test_a_code_of_another_key_or_forged_is_refused() -> None:
    """Unknown key id; the right id, but another's signature; a claim signed for a card, copied into a code."""
    assert reason_of(static_text(key_id=99)) is Reason.KEY_UNKNOWN
    forged = ticket_text(sign_claim(a_claim(), BEARER, OTHER_ISSUER))
    assert reason_of(forged) is Reason.SIGNATURE_INVALID
    of_card = sign_claim(a_claim(), CARD, ISSUER)
    assert reason_of(code_text(TicketCode(encode_claim(a_claim()), of_card[-64:]))) is Reason.SIGNATURE_INVALID
    with pytest.raises(CodecError, match="bearer"):
        ticket_text(of_card)


def test_a_signature_has_one_spelling() -> None:
    """Ed25519's S + L would be a second text of one ticket."""
    order = 2**252 + 27742317777372353535851937790883648493
    parsed = parse(static_text())
    assert isinstance(parsed, TicketCode)
    s = int.from_bytes(parsed.signature[32:], "little") + order
    again = TicketCode(parsed.body, parsed.signature[:32] + s.to_bytes(32, "little"))
    assert reason_of(code_text(parsed)) is None
    assert reason_of(code_text(again)) is Reason.SIGNATURE_INVALID


def test_a_code_of_another_site_is_told_by_the_rules() -> None:
    """It is genuine, but not for here."""
    parsed = parse(static_text(scope=Scope(4)))
    assert isinstance(parsed, TicketCode)
    claim = open_code(parsed, KEYS, READ).claim
    assert decide(claim, a_usage(), a_gate(), NOW, Knowledge()) == Refuse(Reason.WRONG_SITE)


def test_a_body_that_is_no_claim_is_a_misreading() -> None:
    """The words for cards that cannot be read are not told of a code."""
    body = encode_claim(a_claim()) + b"\x00"
    assert reason_of(code_text(TicketCode(body, bytes(64)))) is Reason.CODE_MISREAD


@given(st.integers(0, 10**9 - 1))
def test_a_pick_up_code_is_no_ticket(number: int) -> None:
    """And every wrong digit of it is noticed: people type them."""
    text = pick_up_text(number)
    assert len(text) == 14
    assert parse(text) == PickUpCode(number)
    for at, right in enumerate(text):
        for wrong in set("0123456789") - {right}:
            assert isinstance(parse(text[:at] + wrong + text[at + 1 :]), NotOurs)


@pytest.mark.parametrize("number", [-1, 10**9])
def test_a_pick_up_number_out_of_range_has_no_code(number: int) -> None:
    """It would be another's."""
    with pytest.raises(CodecError):
        pick_up_text(number)


def test_what_no_code_can_hold_is_not_spelled() -> None:
    """Bodies and signatures of other lengths, periods beyond a day."""
    for code in (
        TicketCode(bytes(24), bytes(64)),
        TicketCode(bytes(37), bytes(64)),
        TicketCode(bytes(36), bytes(63)),
        TicketCode(bytes(36), bytes(64), Rotating(0, 6401, bytes(LINK_BYTES))),
        TicketCode(bytes(36), bytes(64), Rotating(2**24, 0, bytes(LINK_BYTES))),
        TicketCode(bytes(36), bytes(64), Rotating(0, 0, bytes(13))),
    ):
        with pytest.raises(CodecError):
            code_text(code)


def golden() -> list[dict[str, Any]]:
    """Codes of release v1: they are printed on paper, and every later release must read them."""
    entries: list[dict[str, Any]] = json.loads(GOLDEN.read_text("utf-8"))
    return entries


@pytest.mark.parametrize("entry", golden(), ids=lambda entry: entry["name"])
def test_printed_codes_stay_readable(entry: dict[str, Any]) -> None:
    """Text, parts and spelling as in the file, which is never made again."""
    parsed = parse(entry["text"])
    if isinstance(parsed, PickUpCode):
        assert parsed.number == entry["number"]
        assert pick_up_text(parsed.number) == entry["text"]
        return
    assert isinstance(parsed, TicketCode)
    assert parsed.signed.hex() == entry["signed"]
    assert code_text(parsed) == entry["text"]
    tick = None if parsed.rotating is None else parsed.rotating.tick
    assert tick == entry["tick"]
    read = ReadAt(NOW if parsed.rotating is None else parsed.rotating.shown_from + timedelta(seconds=1))
    assert open_code(parsed, KEYS, read).claim.ticket == entry["ticket"]


def test_sheet_of_the_golden_rotating_code() -> None:
    """The plain sheet makes it still: phones hold sheets of older releases."""
    entry = next(entry for entry in golden() if entry["name"] == "rotating")
    assert code_text(a_sheet().code_at(NOW)) == entry["text"]
