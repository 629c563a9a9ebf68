# SPDX-License-Identifier: Apache-2.0
"""Codes that change every 15 s: when they hold, when a picture of one is dead, and what nobody can make of them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from code_cases import SEED, START, STEPS, a_sheet, rotating_code, static_text
from hypothesis import given
from hypothesis import strategies as st
from protocol_cases import KEYS, NOW, a_claim

from pistegate_protocol.code_sheets import Sheet
from pistegate_protocol.codes import NotOurs, TicketCode, code_text, open_code, parse
from pistegate_protocol.errors import CodecError
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import (
    DOUBT_S,
    LINK_BYTES,
    PERIOD_S,
    STEPS_MAX,
    ReadAt,
    Rotating,
    chain_salt,
    out_of_time,
    walk,
)
from pistegate_protocol.signing import ClaimRefused, MediumKind

SHEET = a_sheet()


def refused(code: TicketCode, offset_s: float = 0, *, trusted: bool = True, newest: int | None = None) -> Reason | None:
    """Why a gate refuses `code` that reads it `offset_s` after NOW by its own clock; None when it believes it."""
    try:
        open_code(code, KEYS, ReadAt(NOW + timedelta(seconds=offset_s), trusted, newest))
    except ClaimRefused as error:
        return error.reason
    return None


def test_a_gate_that_never_met_the_phone_believes_it() -> None:
    """By the issuer's public key alone; the medium is the day's chain."""
    code = parse(code_text(rotating_code(sheet=SHEET)))
    assert isinstance(code, TicketCode)
    opened = open_code(code, KEYS, ReadAt(NOW))
    assert opened.claim == a_claim()
    assert opened.medium.kind is MediumKind.ROTATING
    assert opened.signed == code.signed


@pytest.mark.parametrize(
    ("offset_s", "reason"),
    [
        (-3600, Reason.CODE_AHEAD),
        (-5.001, Reason.CODE_AHEAD),
        (-5, None),
        (0, None),
        (14.999, None),
        (24.999, None),
        (25, Reason.CODE_OLD),
        (30, Reason.CODE_OLD),
        (86_400, Reason.CODE_OLD),
    ],
)
def test_when_a_code_holds(offset_s: float, reason: Reason | None) -> None:
    """From 5 s before its period to 10 s after it, by the gate's clock."""
    assert refused(rotating_code(sheet=SHEET), offset_s) is reason


@given(st.floats(-10, 5), st.floats(0, 60))
def test_a_phone_whose_clock_is_a_little_off_is_never_locked_out(ahead_s: float, later_s: float) -> None:
    """5 s ahead to 10 s behind: whenever it is held to the scanner, what it shows holds."""
    shown = SHEET.code_at(NOW + timedelta(seconds=ahead_s + later_s))
    assert refused(shown, later_s) is None


@given(st.floats(-600, 600), st.floats(0, 15), st.floats(30, 100_000))
def test_a_picture_is_dead_after_30_s(ahead_s: float, taken_s: float, age_s: float) -> None:
    """Whatever the phone's clock said: 30 s after it was first good, it never is again."""
    shown = SHEET.code_at(NOW + timedelta(seconds=ahead_s + taken_s))
    if refused(shown, taken_s) is None:
        assert refused(shown, taken_s + age_s) is Reason.CODE_OLD


@pytest.mark.parametrize("minutes", [2, 10, 600])
def test_a_phone_that_is_minutes_off_is_told_which_way(minutes: int) -> None:
    """Its page must be reloaded; or it is a picture."""
    assert refused(rotating_code(minutes * 60, SHEET)) is Reason.CODE_AHEAD
    assert refused(rotating_code(-minutes * 60, SHEET) if minutes < 100 else rotating_code(-7200, SHEET)) is (
        Reason.CODE_OLD
    )


def test_a_code_that_was_used_is_not_used_again() -> None:
    """Nor one before it; the next one is."""
    code = rotating_code(sheet=SHEET)
    assert code.rotating is not None
    tick = code.rotating.tick
    assert refused(code, 1, newest=tick) is Reason.CODE_REPLAYED
    assert refused(code, 1, newest=tick + 1) is Reason.CODE_REPLAYED
    assert refused(rotating_code(PERIOD_S, SHEET), PERIOD_S, newest=tick) is None


def test_a_gate_in_doubt_of_its_clock_takes_only_what_is_newer_than_seen() -> None:
    """Minutes off are borne, a picture of a code used here is not, and beyond ten minutes it says that it doubts."""
    code = rotating_code(sheet=SHEET)
    assert code.rotating is not None
    for offset_s in (-DOUBT_S, -30, 60, DOUBT_S):
        assert refused(code, offset_s, trusted=False) is None
        assert refused(code, offset_s, trusted=False, newest=code.rotating.tick) is Reason.CODE_REPLAYED
    for offset_s in (-DOUBT_S - 1, DOUBT_S + 1, 86_400):
        assert refused(code, offset_s, trusted=False) is Reason.CLOCK_DOUBT


def test_who_has_seen_codes_cannot_make_the_next() -> None:
    """A stolen gate has public keys and links of the past: no step, start or hash of them gives a later one."""
    code = rotating_code(sheet=SHEET)
    seen = code.rotating
    assert seen is not None
    salt = chain_salt(code.body, seen.start)
    links = [seen.link, walk(salt, seen.link, 1), walk(salt, seen.link, seen.step), bytes(LINK_BYTES)]
    for link in links:
        for start, step in (
            (seen.start, seen.step + 1),
            (seen.start + 1, seen.step - 3),
            (seen.start - 1, seen.step + 5),
        ):
            forged = replace(code, rotating=Rotating(start, step, link))
            assert forged.rotating.tick == seen.tick + 1  # type: ignore[union-attr]
            assert refused(forged, PERIOD_S) is Reason.SIGNATURE_INVALID


def test_codes_of_the_past_can_be_made_and_are_worth_nothing() -> None:
    """That is how the chain works: every link tells the ones before."""
    code = rotating_code(sheet=SHEET)
    seen = code.rotating
    assert seen is not None
    earlier = Rotating(seen.start, seen.step - 2, walk(chain_salt(code.body, seen.start), seen.link, 2))
    assert refused(replace(code, rotating=earlier), -2 * PERIOD_S) is None
    assert refused(replace(code, rotating=earlier)) is Reason.CODE_OLD


def test_a_day_of_one_chain_is_not_the_day_of_another() -> None:
    """Signature and links of today under tomorrow's start, or of one ticket under another: refused."""
    tomorrow = a_sheet(start=START + 1440)
    code = tomorrow.code_at(NOW + timedelta(days=1))
    assert refused(code, 86_400) is None
    assert refused(replace(code, signature=SHEET.signature), 86_400) is Reason.SIGNATURE_INVALID
    other = a_sheet(a_claim(ticket=4_000_000_002)).code_at(NOW)
    assert refused(replace(other, body=SHEET.body)) is Reason.SIGNATURE_INVALID
    assert refused(replace(other, rotating=rotating_code(sheet=SHEET).rotating)) is Reason.SIGNATURE_INVALID


def test_a_rotating_ticket_has_no_static_code() -> None:
    """The rotating part left out, or one put to a static code: neither holds."""
    code = rotating_code(sheet=SHEET)
    assert refused(replace(code, rotating=None)) is Reason.SIGNATURE_INVALID
    static = parse(static_text())
    assert isinstance(static, TicketCode)
    assert refused(replace(static, rotating=code.rotating)) is Reason.SIGNATURE_INVALID


def test_every_period_of_a_day_has_its_code() -> None:
    """The first and the last of the longest sheet, and none beside them."""
    sheet = a_sheet(steps=STEPS_MAX + 1)
    for step in (0, 1, STEPS_MAX):
        code = parse(code_text(sheet.code(step)))
        assert isinstance(code, TicketCode)
        assert code.rotating is not None
        offset = (code.rotating.shown_from - NOW).total_seconds()
        assert refused(code, offset) is None
    for step in (-1, STEPS_MAX + 1):
        with pytest.raises(CodecError):
            sheet.code(step)


@pytest.mark.parametrize("steps", [0, STEPS_MAX + 2])
def test_a_sheet_is_a_day(steps: int) -> None:
    """More would make a gate hash for longer than a guest waits."""
    with pytest.raises(CodecError):
        a_sheet(steps=steps)


def test_a_period_beyond_the_longest_day_is_not_hashed() -> None:
    """Whatever its check digits: a line cannot ask a gate for 65,535 hashes."""
    code = Rotating(START, STEPS_MAX, SEED).to_bytes()
    with pytest.raises(CodecError):
        Rotating.from_bytes(code[:3] + (STEPS_MAX + 1).to_bytes(2, "big") + code[5:])
    with pytest.raises(CodecError):
        Rotating.from_bytes(code + b"\x00")


def test_a_stale_code_costs_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is looked at first."""

    def hashed(*_: object) -> bytes:
        raise AssertionError("hashed")

    monkeypatch.setattr("pistegate_protocol.rotating.walk", hashed)
    assert refused(rotating_code(sheet=SHEET), 60) is Reason.CODE_OLD


def test_a_sheet_makes_the_codes_that_its_documentation_says() -> None:
    """Spelled out with nothing but hashlib, as a phone's page does it (docs/integrator.md)."""
    from hashlib import sha256

    sheet: Sheet = SHEET
    now_ms = int(NOW.timestamp() * 1000) + 40_000
    step = (now_ms - 1_577_836_800_000) // 15_000 - sheet.start * 4
    salt = sha256(b"pistegate chain\x00" + sheet.start.to_bytes(3, "big") + sheet.body).digest()[:16]
    link = sheet.seed
    for _ in range(sheet.steps - 1 - step):
        link = sha256(salt + link).digest()[:14]
    payload = sheet.body + sheet.signature + sheet.start.to_bytes(3, "big") + step.to_bytes(2, "big") + link
    width = len(str(256 ** len(payload) - 1))
    head = "2" + str(int.from_bytes(payload, "big")).zfill(width)
    text = head + str(int(head) % 9973).zfill(4)
    assert text == code_text(sheet.code_at(NOW + timedelta(seconds=40)))
    assert not isinstance(parse(text), NotOurs)
    assert sheet.steps == STEPS


def test_time_needs_a_zone() -> None:
    """A naive time is a bug of the caller, not a guess."""
    with pytest.raises(TypeError):
        out_of_time(Rotating(START, 0, SEED), ReadAt(NOW.replace(tzinfo=None)))
