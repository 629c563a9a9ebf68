# SPDX-License-Identifier: Apache-2.0
"""A hub's configuration, a gate's [hub] and [stale], and the broker's access list that goes with them."""

import tomllib
from pathlib import Path

import pytest
from gate_bench import gate_config

from pistegate_edge.config import check_config
from pistegate_edge.errors import ConfigError
from pistegate_protocol.topics import Hub, Role

HARDWARE = Path(__file__).resolve().parent.parent.parent / "hardware"


def test_example_of_a_hub_is_accepted() -> None:
    """It needs neither reader nor keys."""
    config = check_config(tomllib.loads((HARDWARE / "hub.example.toml").read_text("utf-8")))
    assert (config.role, config.device.number, config.key_store) == (Role.HUB, 40, None)


def test_hub_holds_no_keys() -> None:
    """Whoever steals it has nothing to sign or write with."""
    tree = tomllib.loads((HARDWARE / "hub.example.toml").read_text("utf-8"))
    with pytest.raises(ConfigError, match="holds no keys"):
        check_config(tree | {"key_store": {"path": "/etc/pistegate/keys"}})


def test_hub_is_the_hub_that_it_names() -> None:
    """Gates ask it by that number."""
    tree = tomllib.loads((HARDWARE / "hub.example.toml").read_text("utf-8"))
    with pytest.raises(ConfigError, match="own number 40"):
        check_config(tree | {"hub": tree["hub"] | {"number": 41}})


def test_gate_names_its_hub_and_what_it_does_when_stale(tmp_path: Path) -> None:
    """Both may be left out: no hub, a day, admit."""
    config = gate_config(tmp_path)
    assert (config.hub, config.stale.after_hours, config.stale.policy) == (None, 24, "admit")
    config = gate_config(tmp_path, hub={"number": 9, "host": "hub.site"}, stale={"policy": "refuse"})
    assert config.hub is not None
    assert (config.hub.number, config.hub.port, config.stale.policy) == (9, 1883, "refuse")


def test_access_list_names_the_topics_that_are_used() -> None:
    """For the numbers of the examples: what the hub and gate 3 use is what they may use, and no more."""
    lines = (HARDWARE / "site-broker.acl").read_text("utf-8").splitlines()
    topics = {tuple(line.split(" ")[1:]) for line in lines if line.startswith(("topic", "pattern"))}
    hub = Hub(1, 40)
    assert topics == {
        ("read", hub.all_up),
        ("write", f"{hub.down(3).removesuffix('3')}+"),
        ("write", hub.hail),
        ("write", f"{hub.up(3).removesuffix('3')}%u"),
        ("read", f"{hub.down(3).removesuffix('3')}%u"),
        ("read", hub.hail),
    }
