# SPDX-License-Identifier: Apache-2.0
"""Rules that ski areas publish, as products and days that are data (stories/): one rule engine, no code per product."""

import re

import pytest
from area_stories import Story, matches, stories

from pistegate_protocol.reasons import PRIORITY

STORIES = list(stories())


@pytest.mark.parametrize("story", STORIES, ids=lambda story: f"{story.area}: {story.name}")
def test_a_published_rule_is_admission_as_data(story: Story) -> None:
    """Each step of the day goes as the area's words say."""
    story.walk()


def test_the_stories_meet_every_reason_that_is_a_rule() -> None:
    """What is not sold (another site, rules that did not arrive) is tested elsewhere."""
    told = {word for story in STORIES for step in story.steps for word in re.findall(r"[a-z_]+$", step)}
    assert {reason.value for reason in PRIORITY} - told == {"wrong_site", "rules_missing"}


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ("admit", "admit 1", True),
        ("admit", "admit 2", False),
        ("admit, ends 10:00", "admit 1, ends 10:01", False),
        ("admit", "admit 1, free", False),
        ("admit", "admit 1, overtime", False),
        ("admit, free", "admit 1", False),
        ("passback", "passback", True),
        ("passback", "admit 1", False),
        ("admit", "passback", False),
    ],
)
def test_a_step_that_goes_otherwise_is_found(expected: str, got: str, same: bool) -> None:
    """The stories would be worth nothing if anything matched."""
    assert matches(expected, got) is same
