# SPDX-License-Identifier: Apache-2.0
"""The built-in scenarios, and what is refused of a scenario file."""

from pathlib import Path

import pytest

from pistegate_simulators.lane.running import build, profile_of, record, run, run_ideal
from pistegate_simulators.lane.scenario import BUILT_IN, LANE_KINDS, ScenarioError, built_in, load

GOOD = 'title = "one"\n[[party]]\npersons = ["adult"]\n'


@pytest.mark.parametrize("kind", LANE_KINDS)
def test_every_kind_of_lane_has_its_scenarios(kind: str) -> None:
    """About thirty each, the ones named in the issue of the lane among them."""
    names = built_in(kind)
    assert len(names) >= 25
    assert {"skis_on", "skis_shoulder", "snowboarders", "coach_and_eight", "small_children", "turned_back"} <= set(
        names
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in BUILT_IN.glob("*.toml")))
def test_people_of_every_scenario_get_where_they_want(name: str) -> None:
    """An ideal controller brings all ticket holders through who want to, counts them right and touches nobody."""
    scenario = load(name)
    report = run_ideal(scenario, scenario.lanes[0], 3)
    assert report.authorised > 0
    assert report.right == report.authorised
    assert report.pinched == []
    assert report.last_ms < 500_000


@pytest.mark.parametrize("kind", LANE_KINDS)
def test_a_seed_is_one_run_and_another_seed_another(kind: str) -> None:
    """Same seed, same trace to the last input word; another seed, another trace."""
    first, again, other = (record("morning", seed, kind).calls for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_the_truth_of_who_follows_is_the_gap_that_was_there() -> None:
    """Drawn at 30.5 to 45 cm, measured at 25 cm or more between trunks; every one really went through."""
    report = run_ideal("tailgater_60cm", "swing", 1)
    assert report.tailgated == report.tailgated_wide > 0
    assert run_ideal("tailgater_close", "swing", 1).tailgated_wide == 0


def test_who_turns_back_did_not_cross() -> None:
    """Neither in nor out."""
    report = run("turned_back_at_leaf", "flap", 2)
    assert report.turned_back > 0
    assert report.crossings == report.authorised


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "not TOML"),
        ("[[party]]", 'needs title = "..."'),
        ('title = "x"', "somebody has to come"),
        (GOOD + "speed = 3", "no setting 'speed'"),
        (GOOD.replace("adult", "yeti"), "no kind of person 'yeti'; there are adult,"),
        (GOOD + 'first = { does = "flies" }', "nobody does 'flies'; there are passes,"),
        (GOOD + "gap_mm = [9, 3]", "gap_mm: a number, or a range [least, most]"),
        (GOOD + "first = 3", "first: a table"),
        ('parties = "many"\n' + GOOD, "parties: a whole number"),
        ('lanes = ["boat"]\n' + GOOD, "no kind 'boat'"),
        ('mode = "asleep"\n' + GOOD, "mode:"),
        (GOOD + '[[disturbance]]\neffect = "ghosts"', "effect: one of covered"),
        (GOOD + '[[disturbance]]\neffect = "covered"\nwhere = "sky"', 'where: "any"'),
        (GOOD.replace('persons = ["adult"]', "persons = []"), "persons: a list of kinds"),
        (GOOD.replace('persons = ["adult"]', 'direction = "up"'), 'direction: "entry" or "exit"'),
    ],
)
def test_a_bad_file_is_refused_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    """Every problem names the file, the place and the remedy."""
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(str(path))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_names_the_built_in_ones() -> None:
    """And a folder is no file."""
    for name in ("nowhere.toml", "/"):
        with pytest.raises(ScenarioError, match=r"give a file, or one of: .*ordinary"):
            load(name)


@pytest.mark.parametrize(("kind", "name"), [("flap", "snowfall"), ("swing", "both_ways"), ("tripod", "chattering_arm")])
def test_a_lane_stepped_all_the_time_does_the_same(kind: str, name: str) -> None:
    """A host may sleep until an input changes or the lane's deadline comes: nothing it says differs by a ms."""
    lazy, eager = (build(load(name), profile_of(kind), 11) for _ in range(2))
    eager.eager = True
    assert lazy.run().log == eager.run().log


@pytest.mark.parametrize("seed", range(5))
def test_nobody_walks_into_a_swing_that_turns_towards_them(seed: int) -> None:
    """Guests of both ways keep out of its quarter circle, and step back out of it; none is touched, all get through."""
    report = run_ideal("both_ways", "swing", seed)
    assert report.pinched == []
    assert report.authorised == report.openings == 14
