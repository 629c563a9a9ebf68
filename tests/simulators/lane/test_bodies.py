# SPDX-License-Identifier: Apache-2.0
"""What light beams meet of people: bodies, skis, poles, as anybody can measure them."""

from random import Random

import pytest

from pistegate_simulators.lane.bodies import BEAM_HALF_MM, blocked, watch
from pistegate_simulators.lane.kinds import KINDS, draw

SEEDS = range(20)
UPRIGHT = [kind for kind in KINDS if kind != "crawler"]


def widths(kind: str, z: int, seed: int, sway: float = 0.0, height: tuple[float, float] | None = None) -> list[int]:
    """Lengths (mm) that a body blocks at height z, front to back, standing at one place."""
    body = draw(kind, Random(seed), height)
    rows = watch(body, [[0, z]])
    shadow = [bool(blocked(rows, x, 1, sway)) for x in range(-2000, 2001)]
    found, run = [], 0
    for dark in [*shadow, False]:
        if dark:
            run += 1
        elif run:
            found.append(run)
            run = 0
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", UPRIGHT)
def test_everybody_upright_is_a_body_at_hip_height(kind: str, seed: int) -> None:
    """At 750 mm every adult and child is at least 15 cm deep at some place, whatever the stride."""
    for sway in (-1.0, -0.5, 0.0, 0.5, 1.0):
        assert max(widths(kind, 750, seed, sway)) >= 150


@pytest.mark.parametrize("seed", SEEDS)
def test_skis_are_as_long_as_skis(seed: int) -> None:
    """Near the ground a skier's shadow is 1.6 to 1.9 m long; at hip height it is a person's."""
    assert 1600 <= max(widths("skis_on", 20, seed)) <= 1900 + 2 * BEAM_HALF_MM + 1
    assert max(widths("skis_on", 750, seed)) < 700


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pole_is_thin(seed: int) -> None:
    """Somewhere at knee height there is a pole: no thicker than 4 cm in any beam."""
    thin = [w for z in range(200, 600, 40) for w in widths("poles", z, seed, 0.9) if w <= 40]
    assert thin


@pytest.mark.parametrize("seed", SEEDS)
def test_legs_part_in_the_stride_and_hips_do_not(seed: int) -> None:
    """A beam at shin height sees two legs with a gap; one at hip height sees one piece."""
    assert len(widths("adult", 300, seed, 1.0)) == 2
    assert len(widths("adult", 300, seed, 0.0)) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_small_child_passes_under_a_high_beam(seed: int) -> None:
    """1.1 m of child: nothing at 1.2 m, a chest at 75 cm."""
    assert widths("small_child", 1200, seed) == []
    assert max(widths("small_child", 750, seed)) >= 150


@pytest.mark.parametrize("seed", SEEDS)
def test_shouldered_skis_reach_before_and_behind_above_the_hips(seed: int) -> None:
    """Their shadow at shoulder height and above is wider than any body; at 75 cm there is nothing of them."""
    with_skis = max(max(widths("skis_shoulder", z, seed), default=0) for z in range(900, 2200, 50))
    assert with_skis > 350
    assert max(widths("skis_shoulder", 750, seed)) < 500


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rucksack_makes_a_body_deeper_behind(seed: int) -> None:
    """The trunk reaches at least 25 cm behind the hips' middle."""
    assert draw("backpack", Random(seed)).back <= -250
    assert draw("adult", Random(seed)).back > -200


@pytest.mark.parametrize("seed", SEEDS)
def test_a_board_is_flat(seed: int) -> None:
    """A snowboarder leaves more than 1.4 m of shadow at the ground and a person's above the knee."""
    assert max(widths("snowboarder", 20, seed)) >= 1400
    assert sum(widths("snowboarder", 300, seed)) < 800


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crawler_is_low_and_long(seed: int) -> None:
    """Nothing at 75 cm; at 45 cm nearly a metre."""
    assert widths("crawler", 750, seed) == []
    assert max(widths("crawler", 450, seed)) > 700


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_facing_the_other_way_is_its_mirror_image(kind: str) -> None:
    """What is in front when going in is in front when going out."""
    rows = watch(draw(kind, Random(3)), [[0, z] for z in (20, 300, 450, 750, 1100, 1500)])
    for x in range(-1500, 1501, 37):
        mirrored = [(bit, -beam, lo, hi, sections) for bit, beam, lo, hi, sections in rows]
        assert blocked(rows, x, 1, 0.4) == blocked(tuple(mirrored), -x, -1, 0.4)
