# SPDX-License-Identifier: Apache-2.0
"""Codes as cameras see them: rendered, damaged, and read back by a decoder that knows nothing of ours."""

import numpy as np
import pytest
from code_camera import DAMAGES, damaged, others_text, photograph, read
from code_cases import a_sheet, largest_claim, static_text
from protocol_cases import KEYS, NOW

from pistegate_protocol.codes import TicketCode, code_text, open_code, parse
from pistegate_protocol.rotating import ReadAt

STATIC = static_text(largest_claim())
ROTATING = code_text(a_sheet(largest_claim()).code_at(NOW))
TEXTS = {"static": STATIC, "rotating": ROTATING}
PICTURES = 6
HALF = 0.5  # damage between none and what a guest would be told to do better
WIDE, NARROW = 25, 16  # mm, quiet zone included: a code in a message on a phone, and a small one
HARD = "cracked, dim"


def pictures_read(text: str, width_mm: float, damage: str, level: float) -> int:
    """How many of PICTURES are read; whatever is read is what was printed."""
    found = [read(damaged(text, width_mm, damage, level, seed)) for seed in range(PICTURES)]
    assert all(texts in ([], [text]) for texts in found)
    return sum(bool(texts) for texts in found)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_small_code_is_read_and_believed(kind: str) -> None:
    """From the picture to the claim: 16 mm wide, by a camera of 8 pixels a millimetre."""
    (text,) = read(photograph(TEXTS[kind], NARROW))
    code = parse(text)
    assert isinstance(code, TicketCode)
    assert open_code(code, KEYS, ReadAt(NOW)).claim == largest_claim()


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != HARD])
def test_a_damaged_code_is_read(kind: str, damage: str) -> None:
    """Half of each damage is borne by every picture of a code as messages show it."""
    assert pictures_read(TEXTS[kind], WIDE, damage, HALF) == PICTURES


@pytest.mark.parametrize("kind", TEXTS)
def test_a_cracked_and_dim_phone_is_read_within_a_few_pictures(kind: str) -> None:
    """Not by each picture; a scanner takes some twenty a second, and the guest moves."""
    assert pictures_read(TEXTS[kind], WIDE, HARD, HALF) >= PICTURES // 2


def test_ours_are_read_where_longer_codes_no_longer_are() -> None:
    """Small and held too far away, at many sizes because pixels and modules beat: what few bytes and digits are for."""
    others = others_text(np.random.default_rng(1))
    seen = {
        kind: sum(
            bool(read(damaged(text, width, "low resolution", level, 0)))
            for width in range(13, 21)
            for level in (0.4, 0.6, 0.8, 1.0)
        )
        for kind, text in {**TEXTS, "others": others}.items()
    }
    assert seen["static"] > seen["rotating"] > seen["others"]
    assert seen["static"] > 1.3 * seen["others"]


@pytest.mark.parametrize("damage", ["blur", "low resolution", HARD])
def test_too_much_damage_is_not_read(damage: str) -> None:
    """The pictures are really damaged: three times what is borne, and nothing is found."""
    assert pictures_read(STATIC, NARROW, damage, 3) == 0


def test_damage_is_the_same_each_time() -> None:
    """A read rate that changes has changed for a reason."""
    for damage in DAMAGES:
        one, other, next_one = (damaged(STATIC, NARROW, damage, HALF, seed) for seed in (1, 1, 2))
        assert np.array_equal(one, other)
        assert not np.array_equal(one, next_one)
