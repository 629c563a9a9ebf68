# SPDX-License-Identifier: Apache-2.0
"""The test of the test: bugs that the storm must find, each within a small part of its dose."""

import pytest

from pistegate_simulators.storm.plants import PLANTS
from pistegate_simulators.storm.run import Result, storm

DOSE = 150  # storms; the rarest is found by the 40th


def first_red(plant: str) -> Result | None:
    """The first storm that finds it."""
    return next((result for result in (storm(seed, plant) for seed in range(DOSE)) if result.red), None)


def test_at_least_eight_bugs_are_planted() -> None:
    """One for each promise that matters."""
    assert len(PLANTS) >= 8


@pytest.mark.parametrize("plant", PLANTS)
def test_planted_bug_is_found(plant: str) -> None:
    """Found, as a broken promise that it does break, and not as a crash of the simulator."""
    found = first_red(plant)
    assert found is not None, f"{plant} was not found in {DOSE} storms"
    assert found.red in PLANTS[plant].found_as, f"{found.red}: {found.what}"


def test_storm_is_clean_again_without_the_plant() -> None:
    """A plant is taken out with its storm."""
    assert storm(0, "lazy_fsync").red
    assert not storm(0).red
