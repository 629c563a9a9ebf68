# SPDX-License-Identifier: Apache-2.0
"""The people of a ski lift. Measures of a body are shares of its height, from anthropometric tables (DIN 33402,
5th to 95th percentile) plus 20-40 mm of winter clothing on each side.
"""

from collections.abc import Callable
from random import Random

from pistegate_simulators.lane.bodies import Body, Part, box, thing

Range = tuple[float, float]

ADULT_MM: Range = (1550, 1920)
CHILD_MM: Range = (1050, 1350)
SMALL_CHILD_MM: Range = (1080, 1120)
SKI_MM: Range = (1600, 1900)
BOARD_MM: Range = (1450, 1650)
POLE_MM = 18  # a ski pole's shaft
BASKET_MM = 60  # the plate near its tip


def _trunk(height: float, rng: Random) -> list[Part]:
    depth = height * rng.uniform(0.145, 0.185)
    return [
        box(height * 0.86, height * 1.02, -0.062 * height, 0.078 * height, trunk=True),  # head with helmet or cap
        box(height * 0.53, height * 0.86, -depth * 0.48, depth * 0.52, trunk=True),
        box(height * 0.44, height * 0.54, -depth * 0.52, depth * 0.48, trunk=True),
    ]


def _legs(height: float, swing: float, *, boot: float = 0.17) -> list[Part]:
    hip, ankle = height * 0.5, height * 0.06
    thigh, shin = height * 0.055, height * 0.04
    legs = []
    for side in (swing, -swing):
        legs.append(Part(ankle, hip, -shin, shin, -thigh, thigh, side, 0.0))
        legs.append(box(0, ankle, -boot * 0.35 * height, boot * 0.65 * height, amplitude=side))
    return legs


def _arms(height: float, swing: float) -> list[Part]:
    shoulder, hand = height * 0.80, height * 0.42
    return [
        Part(hand, shoulder, 0, 0.055 * height, -0.03 * height, 0.03 * height, side, 0.0) for side in (swing, -swing)
    ]


def _poles(height: float, rng: Random, swing: float) -> list[Part]:
    grip = height * rng.uniform(0.48, 0.54)
    lean = rng.uniform(-250, 200)  # of the tip against the hand
    poles = []
    for side in (swing, -swing):
        poles.append(
            Part(60, grip, lean, lean + POLE_MM, 150, 150 + POLE_MM, side * rng.uniform(1.0, 1.5), side, solid=False)
        )
        poles.append(thing(40, 80, lean - BASKET_MM / 2, lean + BASKET_MM / 2, amplitude=side * 1.2))
    return poles


def _walker(kind: str, rng: Random, height: float, *extra: Part, arms: float = 1.0) -> Body:
    swing = height * rng.uniform(0.10, 0.15)
    arm = height * rng.uniform(0.05, 0.12) * arms
    parts = (*_trunk(height, rng), *_legs(height, swing), *_arms(height, arm), *extra)
    return Body(kind, height, height * rng.uniform(0.25, 0.29), height * rng.uniform(0.72, 0.85), parts)


def adult(rng: Random, height: float) -> Body:
    """In ski boots or shoes, hands free."""
    return _walker("adult", rng, height)


def child(rng: Random, height: float) -> Body:
    """As an adult, smaller."""
    return _walker("child", rng, height)


def backpack(rng: Random, height: float) -> Body:
    """With a rucksack that reaches 15 to 32 cm behind the back."""
    reach = rng.uniform(150, 320)
    pack = Part(height * 0.55, height * 0.82, -reach - 120, -100, -reach - 120, -100, trunk=True)
    return _walker("backpack", rng, height, pack)


def poles(rng: Random, height: float) -> Body:
    """Walks with two swinging poles."""
    return _walker("poles", rng, height, *_poles(height, rng, rng.uniform(120, 260)))


def skis_on(rng: Random, height: float) -> Body:
    """Shuffles on skis, 1.6 to 1.9 m for adults, with poles: the skis reach before and behind like no foot does."""
    length = rng.uniform(*SKI_MM) if height > 1400 else height * rng.uniform(0.8, 0.95)
    shuffle = rng.uniform(80, 160)
    swing = height * 0.06
    boots = [
        Part(40, height * 0.5, -0.05 * height, 0.06 * height, -0.055 * height, 0.055 * height, side, 0.0)
        for side in (swing, -swing)
    ]
    skis = []
    for side in (shuffle, -shuffle):
        skis.append(thing(0, 40, -0.46 * length, 0.54 * length, amplitude=side))
        skis.append(thing(40, 90, 0.46 * length, 0.54 * length, amplitude=side))  # the tips turn up
        skis.append(box(30, 120, -130, 210, amplitude=side))  # binding and toe of the boot
    sticks = _poles(height, rng, rng.uniform(100, 220))
    parts = (*_trunk(height, rng), *boots, *_arms(height, height * 0.06), *skis, *sticks)
    return Body("skis_on", height, height * rng.uniform(0.25, 0.29), rng.uniform(700, 1100), parts)


def skis_shoulder(rng: Random, height: float) -> Body:
    """A pair of skis over the shoulder: the front ends low ahead, the rear ends high behind."""
    length, rise = rng.uniform(*SKI_MM), rng.uniform(0.25, 0.45)
    ahead = rng.uniform(0.40, 0.55) * length
    shoulder = height * 0.86
    low, high = shoulder - rise * ahead, shoulder + rise * (length - ahead)
    thick = 110 / rise  # two skis laid on each other are some 110 mm deep
    skis = Part(low, high, ahead - thick / 2, ahead + thick / 2, ahead - length - thick / 2, ahead - length + thick / 2)
    flat = Part(skis.z0, skis.z1, skis.lo0, skis.hi0, skis.lo1, skis.hi1, solid=False)
    return _walker("skis_shoulder", rng, height, flat, arms=0.3)


def snowboarder(rng: Random, height: float) -> Body:
    """One foot strapped to the board, which glides lengthwise; the other pushes beside it."""
    length, push = rng.uniform(*BOARD_MM), rng.uniform(150, 260)
    board = thing(0, 50, -0.40 * length, 0.60 * length)
    hip = height * 0.5
    strapped = Part(40, hip, 120, 120 + 0.1 * height, -0.055 * height, 0.055 * height)
    pushing = Part(0, hip, -0.06 * height, 0.07 * height, -0.055 * height, 0.055 * height, push, 0.0)
    parts = (*_trunk(height, rng), strapped, pushing, board, *_arms(height, height * 0.08))
    return Body("snowboarder", height, height * rng.uniform(0.25, 0.30), rng.uniform(800, 1300), parts)


def crawler(rng: Random, height: float) -> Body:
    """On hands and knees: as long as half the height, as high as a third of it."""
    long, high = height * 0.55, height * rng.uniform(0.30, 0.36)
    limbs = [
        box(0, high * 0.5, lo, lo + 0.1 * height, amplitude=side)
        for lo, side in ((-0.5 * long, 110), (-0.45 * long, -110), (0.35 * long, 110), (0.4 * long, -110))
    ]
    trunk = box(high * 0.45, high, -0.5 * long, 0.5 * long, trunk=True)
    head = box(high * 0.6, high * 1.1, 0.5 * long, 0.5 * long + 0.13 * height, trunk=True)
    return Body("crawler", high * 1.1, height * 0.28, 700, (trunk, head, *limbs))


KINDS: dict[str, tuple[Callable[[Random, float], Body], Range, Range]] = {
    "adult": (adult, ADULT_MM, (800, 1500)),
    "child": (child, CHILD_MM, (600, 1300)),
    "small_child": (child, SMALL_CHILD_MM, (600, 1100)),
    "backpack": (backpack, ADULT_MM, (800, 1400)),
    "poles": (poles, ADULT_MM, (800, 1400)),
    "skis_on": (skis_on, ADULT_MM, (450, 1000)),
    "child_skis_on": (skis_on, CHILD_MM, (400, 800)),
    "skis_shoulder": (skis_shoulder, ADULT_MM, (700, 1300)),
    "snowboarder": (snowboarder, ADULT_MM, (500, 1000)),
    "crawler": (crawler, ADULT_MM, (250, 500)),
}
"""Per kind: who draws it, heights and walking speeds (mm/s)."""


def draw(kind: str, rng: Random, height: Range | None = None) -> Body:
    """A person of this kind."""
    make, heights, _ = KINDS[kind]
    return make(rng, rng.uniform(*(height or heights)))
