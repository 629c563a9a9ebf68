# SPDX-License-Identifier: Apache-2.0
"""What a gate's tickets are worth while it is not sure of its time, as the site decided."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from gate_bench import ISSUER, claim, public
from passage_bench import NOW, PROFILE, Remembered

from pistegate_edge.core.facts import Facts
from pistegate_edge.core.judge import Judge, ReadTicket
from pistegate_edge.core.memory import KnownClaims
from pistegate_edge.core.now import Now
from pistegate_edge.timekeeping.guarded import ALONE
from pistegate_protocol.claims import encode_claim
from pistegate_protocol.codes import BEARER, TicketCode
from pistegate_protocol.decide import Admit, Refuse
from pistegate_protocol.instants import minute_of
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import DOUBT_S, LINK_BYTES, Rotating, anchor_of, chain_salt, step_at, walk
from pistegate_protocol.signing import KeyRing, Medium, MediumKind, sign_claim, split_signed_claim

TODAY = NOW.wall.astimezone(PROFILE.zone).date()
SECONDS = replace(NOW, trusted=False, latest=NOW.wall + timedelta(seconds=30))
NOBODY_KNOWS = replace(NOW, trusted=False, latest=NOW.wall + ALONE)


def judge(*, refuse_doubted: bool) -> Judge:
    keys = KeyRing({1: public(ISSUER)})
    return Judge(PROFILE, keys, Facts(), KnownClaims(), Remembered(), refuse_doubted=refuse_doubted)


def decided(now: Now, *, refuse_doubted: bool, **terms: Any) -> Admit | Reason:
    what = judge(refuse_doubted=refuse_doubted)
    signed = sign_claim(claim(**terms), BEARER, ISSUER)
    body, signature = encode_claim(claim(**terms)), split_signed_claim(signed)[3]
    read = what.believe_code(TicketCode(body, signature), now)
    assert isinstance(read, ReadTicket)
    decision = what.decide(read.believed, None, now)
    return decision.reason if isinstance(decision, Refuse) else decision


DAY = {"valid_from": TODAY, "valid_until": TODAY}


@pytest.mark.parametrize("terms", [DAY, {}, {"valid_until": TODAY + timedelta(days=36)}])
def test_doubt_admits_where_the_site_says_so(terms: dict[str, Any]) -> None:
    """By the time that is sure, as without doubt."""
    assert isinstance(decided(NOBODY_KNOWS, refuse_doubted=False, **terms), Admit)


def test_tickets_that_might_be_over_are_refused_where_the_site_says_so() -> None:
    """A day ticket, while nobody knows what day it is; a season pass opens, and seconds of doubt harm nobody."""
    assert decided(NOBODY_KNOWS, refuse_doubted=True, **DAY) is Reason.CLOCK_DOUBT
    assert isinstance(decided(NOBODY_KNOWS, refuse_doubted=True), Admit)
    assert isinstance(decided(SECONDS, refuse_doubted=True, **DAY), Admit)
    assert isinstance(decided(NOW, refuse_doubted=True, **DAY), Admit)
    last = {"valid_from": TODAY, "valid_until": TODAY + timedelta(days=34)}
    assert decided(NOBODY_KNOWS, refuse_doubted=True, **last) is Reason.CLOCK_DOUBT


def test_reason_that_holds_already_is_told_as_it_is() -> None:
    """Doubt is no excuse for a ticket that is over in any case."""
    over = {"valid_until": TODAY - timedelta(days=1), "valid_from": date(2020, 1, 1)}
    assert decided(NOBODY_KNOWS, refuse_doubted=True, **over) is Reason.EXPIRED


def shown(ago_s: int) -> TicketCode:
    """A rotating code as a page showed it."""
    what = claim()
    start = minute_of(NOW.wall) - 60
    salt, seed, steps = chain_salt(encode_claim(what), start), b"seed of a chain"[:LINK_BYTES], 600
    step = step_at(start, NOW.wall - timedelta(seconds=ago_s))
    anchor = anchor_of(salt, walk(salt, seed, steps))
    signature = split_signed_claim(sign_claim(what, Medium(MediumKind.ROTATING, anchor), ISSUER))[3]
    return TicketCode(encode_claim(what), signature, Rotating(start, step, walk(salt, seed, steps - step)))


@pytest.mark.parametrize(
    ("now", "ago_s", "reason"),
    [
        (NOW, 0, None),
        (NOW, 45, Reason.CODE_OLD),
        (NOW, -45, Reason.CODE_AHEAD),
        (SECONDS, 45, None),
        (SECONDS, -45, None),
        (SECONDS, DOUBT_S + 30, Reason.CLOCK_DOUBT),
        (SECONDS, -DOUBT_S - 30, Reason.CLOCK_DOUBT),
    ],
)
def test_picture_of_a_rotating_code_is_dead_while_the_clock_is_trusted(
    now: Now, ago_s: int, reason: Reason | None
) -> None:
    """In doubt the limit is ten minutes, and another reason is told."""
    found = judge(refuse_doubted=False).believe_code(shown(ago_s), now)
    assert (None if isinstance(found, ReadTicket) else found.reason) is reason
