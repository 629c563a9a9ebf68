# SPDX-License-Identifier: Apache-2.0
"""Codes for tests: plain ones, the largest ones, and what else guests hold before a scanner."""

from datetime import timedelta
from typing import Any, Final

from protocol_cases import ISSUER, NOW, a_claim

from pistegate_protocol.claims import CLAIM_BODY_MAX, Claim, Window, encode_claim
from pistegate_protocol.code_sheets import Sheet, sign_sheet
from pistegate_protocol.codes import BEARER, CHECK_DIGITS, CHECK_PRIME, TicketCode, pick_up_text, ticket_text
from pistegate_protocol.instants import minute_of
from pistegate_protocol.reasons import Reason
from pistegate_protocol.signing import sign_claim

SEED: Final = bytes(range(100, 114))
START: Final = minute_of(NOW) - 120  # of the plain sheet: two hours before NOW
STEPS: Final = 5760  # of a day
LARGEST: Final = {
    "entries_per_day": 3,
    "entries_total": 30,
    "reentry_s": 600,
    "windows": (Window(480, 720), Window(780, 1020)),
    "blackout": 2,
    "days": 2,
}


def static_text(claim: Claim | None = None, **changes: Any) -> str:
    """The text of a static code of the plain claim, or of another."""
    return ticket_text(sign_claim(claim or a_claim(**changes), BEARER, ISSUER))


def largest_claim() -> Claim:
    """One with a body of 36 bytes."""
    claim = a_claim(**LARGEST)
    assert len(encode_claim(claim)) == CLAIM_BODY_MAX
    return claim


def a_sheet(claim: Claim | None = None, start: int = START, steps: int = STEPS, seed: bytes = SEED) -> Sheet:
    """A day's sheet of the plain claim; it covers NOW."""
    return sign_sheet(claim or a_claim(), start, steps, seed, ISSUER)


def rotating_code(offset_s: float = 0, sheet: Sheet | None = None) -> TicketCode:
    """What a phone shows at NOW whose clock is `offset_s` ahead."""
    return (sheet or a_sheet()).code_at(NOW + timedelta(seconds=offset_s))


def rechecked(text: str) -> str:
    """With the check digits that belong to what is before them."""
    head = text[:-CHECK_DIGITS]
    return head + str(int(head) % CHECK_PRIME).zfill(CHECK_DIGITS)


# What guests and pranksters show, and what they are told.
STRANGERS: Final[list[tuple[str, Reason]]] = [
    ("", Reason.CODE_TRUNCATED),
    ("1", Reason.CODE_FOREIGN),
    (" ", Reason.CODE_FOREIGN),
    ("https://tickets.example/t/9f3kd", Reason.CODE_LINK),
    ("HTTP://TICKETS.EXAMPLE/" + "A" * 900, Reason.CODE_LINK),
    ("www.tickets.example", Reason.CODE_LINK),
    ("https://滑雪.example/票", Reason.CODE_LINK),
    ("weixin://wxpay/bizpayurl?pr=Ab3dEf", Reason.CODE_PAYMENT),
    ("WIFI:T:WPA;S:Snow Valley;P:powder123;;", Reason.CODE_WIFI),
    ("WIFI:S:雪谷;T:nopass;;", Reason.CODE_WIFI),
    ("130412345678901234", Reason.CODE_PAYMENT),
    ("280712345678901234", Reason.CODE_PAYMENT),
    ("2807123456789012345678", Reason.CODE_PAYMENT),
    ("110101199003074258", Reason.CODE_FOREIGN),  # a resident ID of Beijing, which begins as payment codes do
    ("320106199003074259", Reason.CODE_FOREIGN),
    ("6901234567892", Reason.CODE_FOREIGN),
    ("AB12CD34EF56GH78", Reason.CODE_FOREIGN),
    ("0a7f.eyJ0aWNrZXQiOiJzZWNyZXQifQ.c2lnbmF0dXJl", Reason.CODE_FOREIGN),
    ("#UT0112340000010302C0" + "x" * 300, Reason.CODE_FOREIGN),
    ("BEGIN:VCARD\nN:Li;Lei\nEND:VCARD", Reason.CODE_FOREIGN),
    ("7" * 120, Reason.CODE_FOREIGN),
    ("雪票 2026-12-24", Reason.CODE_NOT_ASCII),
    ("１２３４５６７８９０" * 22, Reason.CODE_NOT_ASCII),
    ("٣" * 246, Reason.CODE_NOT_ASCII),
    ("²" * 246, Reason.CODE_NOT_ASCII),
    ("1" * 245 + "\ud800", Reason.CODE_NOT_ASCII),
    ("\x00" * 246, Reason.CODE_FOREIGN),
    ("1" * 4000, Reason.CODE_TOO_LONG),
    ("9" * 10_000, Reason.CODE_TOO_LONG),
    ("x" * 4000, Reason.CODE_TOO_LONG),
    ("雪" * 4000, Reason.CODE_TOO_LONG),
    ("1" * 100, Reason.CODE_TRUNCATED),
    ("2" * 250, Reason.CODE_TRUNCATED),
    ("1" * 247, Reason.CODE_TOO_LONG),
    ("2" * 293, Reason.CODE_TOO_LONG),
    ("1" * 246, Reason.CODE_MISREAD),
    ("2" * 292, Reason.CODE_MISREAD),
    (pick_up_text(123_456_789)[:-1] + "0", Reason.CODE_MISREAD),
    ("-" + "1" * 245, Reason.CODE_FOREIGN),
    ("+1_0" + "1" * 242, Reason.CODE_FOREIGN),
    ("]Q1" + "1" * 246, Reason.CODE_FOREIGN),
]
