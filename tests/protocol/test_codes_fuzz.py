# SPDX-License-Identifier: Apache-2.0
"""Hostile lines: nothing escapes the parser, nothing unsigned is believed. What was once found stays in the corpus."""

import json
from pathlib import Path

import pytest
from code_cases import STRANGERS, rechecked, rotating_code, static_text
from hypothesis import example, given, settings
from hypothesis import strategies as st
from protocol_cases import KEYS, NOW

from pistegate_protocol.codes import NotOurs, PickUpCode, TicketCode, code_text, open_code, parse
from pistegate_protocol.reasons import Reason
from pistegate_protocol.rotating import ReadAt
from pistegate_protocol.signing import ClaimRefused

CORPUS = Path(__file__).parent / "fixtures" / "hostile_codes.json"
GENUINE = [static_text(), code_text(rotating_code())]
READS = [ReadAt(NOW), ReadAt(NOW, trusted=False), ReadAt(NOW, newest=0)]
LENGTHS = [14, 220, 222, 225, 227, 229, 232, 234, 237, 239, 242, 244, 246, 266, 268, 270, 273, 292]


def believed(text: str) -> bool:
    """Whether any gate that is asked believes it; an exception other than a refusal ends the test."""
    parsed = parse(text)
    assert isinstance(parsed, NotOurs | PickUpCode | TicketCode)
    if not isinstance(parsed, TicketCode):
        return False
    assert code_text(parsed) == text
    for read in READS:
        try:
            open_code(parsed, KEYS, read)
        except ClaimRefused:
            continue
        return True
    return False


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A genuine text with a few changes, its check digits put right or not."""
    text = draw(st.sampled_from(GENUINE))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        kind = draw(st.sampled_from(["digit", "cut", "put", "swap", "any"]))
        digit = draw(st.sampled_from("0123456789"))
        if kind == "digit":
            text = text[:at] + digit + text[at + 1 :]
        elif kind == "cut":
            text = text[:at] + text[at + draw(st.integers(1, 30)) :]
        elif kind == "put":
            text = text[:at] + digit * draw(st.integers(1, 30)) + text[at:]
        elif kind == "swap":
            text = text[at:] + text[:at]
        else:
            text = text[:at] + draw(st.characters()) + text[at + 1 :]
    if draw(st.booleans()) and len(text) > 5 and text.isascii() and text.isdigit():
        text = rechecked(text)
    return text


@st.composite
def digits(draw: st.DrawFn) -> str:
    """Digits of a length of ours, with right check digits: they get as far as the signature."""
    length = draw(st.sampled_from(LENGTHS))
    return rechecked(
        draw(st.sampled_from("129")) + draw(st.text("0123456789", min_size=length - 1, max_size=length - 1))
    )


@settings(max_examples=400)
@given(
    st.text(max_size=400)
    | st.text("0123456789", max_size=400)
    | st.binary(max_size=300).map(lambda b: b.decode("latin-1"))
)
@example("1" * 246)
def test_any_line_gets_an_answer(text: str) -> None:
    """Whatever a scanner sends."""
    assert not believed(text)


@settings(max_examples=400)
@given(digits())
def test_digits_with_a_right_check_are_no_ticket_without_a_signature(text: str) -> None:
    """Bodies of any bytes: claims of other versions, no claims at all, periods beyond a day."""
    assert not believed(text)


@settings(max_examples=400)
@given(mutated())
def test_a_changed_ticket_is_no_ticket(text: str) -> None:
    """Unless the changes undid one another."""
    assert believed(text) == (text in GENUINE)


def test_genuine_lines_are_believed() -> None:
    """The checks above can fail."""
    assert all(believed(text) for text in GENUINE)


def corpus() -> list[tuple[str, str]]:
    """Line and what it is told as; lines were found by fuzzing, by thinking, or at a scanner."""
    return [(entry["line"], entry["reason"]) for entry in json.loads(CORPUS.read_text("utf-8"))]


@pytest.mark.parametrize(("line", "reason"), corpus(), ids=range(len(corpus())))
def test_hostile_lines_of_the_corpus_stay_refused(line: str, reason: str) -> None:
    """Each as when it was added."""
    assert not believed(line)
    parsed = parse(line)
    told = parsed.reason.value if isinstance(parsed, NotOurs) else type(parsed).__name__
    assert told == reason


def test_every_reason_of_a_code_has_a_line_in_the_corpus() -> None:
    """A new reason comes with its line."""
    reasons = {Reason(reason) for _, reason in corpus() if reason in set(Reason)}
    assert {reason for _, reason in STRANGERS} | {Reason.VERSION_UNKNOWN} <= reasons
