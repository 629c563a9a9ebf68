# SPDX-License-Identifier: Apache-2.0
"""Tests of the tests: with a bug planted, the properties of this folder are seen to fail."""

from collections.abc import Callable
from typing import Any

import pytest
from allowance_model import CLAIMS, STARTS, STEPS, ZONES, Step, walk
from card_flows import flipped_bits
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from protocol_cases import CARD, ISSUER, KEYS, a_claim

from pistegate_protocol import decide, signing
from pistegate_protocol.claims import Claim
from pistegate_protocol.signing import ClaimRefused, KeyRing, open_claim, sign_claim

just_entered, count, left, persons = decide._just_entered, decide._count, decide._left, decide._persons

PLANTED: dict[str, tuple[str, Callable[..., Any]]] = {
    "passback forgotten": ("_just_entered", lambda *_: False),
    "passback at every post": (
        "_just_entered",
        lambda claim, usage, gate, now: just_entered(
            claim, usage, decide.replace(gate, post_gates=frozenset({1, 2, 3})), now
        ),
    ),
    "one entry too many": ("_left", lambda entries, claim, used: left(entries, claim, max(0, used - 1))),
    "allowance of one person for a party": (
        "_left",
        lambda entries, claim, used: left(entries, decide.replace(claim, party=1), used),
    ),
    "batch ignored": (
        "_persons",
        lambda claim, usage, counted: persons(decide.replace(claim, batch=None), usage, counted),
    ),
    "midnight of Greenwich": (
        "_count",
        lambda claim, usage, gate, now, today, knowledge: count(claim, usage, gate, now, now.date(), knowledge),
    ),
    "owed to whoever comes": (
        "_count",
        lambda claim, usage, gate, now, today, knowledge: decide.replace(
            count(claim, usage, gate, now, today, knowledge), reoffer=knowledge.owed
        ),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_model_of_the_allowance_finds_a_planted_bug(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them within the examples that the property runs anyway."""

    @settings(max_examples=400, database=None, phases=[Phase.generate], derandomize=True, report_multiple_bugs=False)
    @given(CLAIMS, st.sampled_from(ZONES), st.sampled_from(STARTS), STEPS)
    def season(claim: Claim, zone: str, start: Any, steps: list[Step]) -> None:
        walk(claim, zone, start, steps)

    monkeypatch.setattr(decide, *PLANTED[name])
    with pytest.raises(AssertionError, match="step"):
        season()


def believed_changes() -> int:
    """How many single-bit changes of a signed claim are believed."""
    believed = 0
    for changed in flipped_bits(sign_claim(a_claim(), CARD, ISSUER)):
        try:
            open_claim(changed, CARD, KEYS)
            believed += 1
        except ClaimRefused:
            pass
    return believed


def test_flipping_bits_finds_a_signature_that_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at all, and not over the medium."""
    assert believed_changes() == 0
    with monkeypatch.context() as planted:
        planted.setattr(KeyRing, "verify", lambda *_: True)
        assert believed_changes() > 64 * 8
    real = signing.split_signed_claim

    def original_only(signed: bytes) -> Any:
        body, bound, _, signature = real(signed)
        return body, bound, real(sign_claim(a_claim(), CARD, ISSUER))[2], signature

    monkeypatch.setattr(signing, "split_signed_claim", original_only)
    assert believed_changes() > 0
