# SPDX-License-Identifier: Apache-2.0
"""On which rung a gate stands, and what it does about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from passage_bench import NOW, later, passage, told

from pistegate_edge.core import actions as a
from pistegate_edge.core import inputs as i
from pistegate_edge.core.now import Now
from pistegate_edge.journal.files import Files
from pistegate_edge.parts.rungs import Rungs
from pistegate_edge.rung import Reach, Rung, rung_of

HOUR = 3600.0


@pytest.mark.parametrize(
    ("reach", "rung"),
    [
        (Reach(True, True, 0), Rung.CONNECTED),
        (Reach(True, False, 0), Rung.CONNECTED),
        (Reach(False, True, 0), Rung.SITE_ONLY),
        (Reach(False, False, 0), Rung.ALONE),
        (Reach(False, True, 24 * HOUR), Rung.STALE),
        (Reach(True, True, 24 * HOUR), Rung.STALE),
        (Reach(True, True, 24 * HOUR - 1), Rung.CONNECTED),
    ],
)
def test_worst_that_holds_is_the_rung(reach: Reach, rung: Rung) -> None:
    """From connected to stale."""
    assert rung_of(reach, 24 * HOUR) is rung


@pytest.mark.parametrize("rung", [Rung.SITE_ONLY, Rung.ALONE, Rung.STALE])
def test_every_rung_but_the_best_is_shown_beside_what_guests_are_to_do(rung: Rung) -> None:
    """When nobody is at the lane; connected says nothing more."""
    machine = passage()
    (show,) = told(machine.handle(i.RungChanged(rung), NOW), a.Show)
    assert (show.key, show.also) == ("prompt.ready", (f"prompt.{rung}",))
    (show,) = told(machine.handle(i.RungChanged(Rung.CONNECTED), NOW), a.Show)
    assert show.also == ()


@dataclass
class Site:
    """A gate's surroundings as the part sees them."""

    directory: Path
    policy: Any = "admit"
    hub: bool = False
    group: int = 1
    heard: float | None = None
    faulty: bool = False
    fed: list[Any] = field(default_factory=list)
    now: Now = NOW

    def part(self) -> Rungs:
        """As it is at the start of a run."""
        nothing: Callable[..., None] = lambda *_: None  # noqa: E731
        ports: Any = SimpleNamespace(
            feed=self.fed.append,
            state_changed=nothing,
            busy=lambda: False,
            faulty=lambda: self.faulty,
            cloud_heard=lambda: self.heard,
            clock=SimpleNamespace(now=lambda: self.now),
        )
        return Rungs(ports, Files(self.directory), 24 * HOUR, self.policy, lambda: self.hub, lambda: self.group)


def test_gate_is_stale_a_day_after_it_heard_the_cloud_also_when_it_was_off_overnight(tmp_path: Path) -> None:
    """When it was heard last is kept; the site's policy is to go on."""
    site = Site(tmp_path)
    part = site.part()
    part.linked(True, NOW)
    assert part.words == "connected, group of 1"
    site.heard = later(HOUR).mono
    part.tick(later(HOUR))
    part.linked(False, later(2 * HOUR))
    assert part.rung is Rung.ALONE
    site.heard, site.now = None, later(20 * HOUR)
    again = site.part()
    again.tick(later(20 * HOUR))
    assert again.rung is Rung.ALONE
    again.tick(later(25.1 * HOUR))
    assert again.rung is Rung.STALE
    assert not [told for told in site.fed if isinstance(told, i.FaultChanged)]
    site.heard = later(25.2 * HOUR).mono
    again.linked(True, later(25.2 * HOUR))
    assert again.rung is Rung.CONNECTED


def test_site_may_want_nobody_let_in_by_a_stale_gate(tmp_path: Path) -> None:
    """Then it is out of service, and comes back by itself."""
    site = Site(tmp_path, policy="refuse")
    part = site.part()
    part.tick(later(25 * HOUR))
    site.heard = later(26 * HOUR).mono
    part.linked(True, later(26 * HOUR))
    faults = [told for told in site.fed if isinstance(told, i.FaultChanged)]
    assert faults == [i.FaultChanged(i.Fault.STALE, True), i.FaultChanged(i.Fault.STALE, False)]


def test_group_is_told_with_the_rung(tmp_path: Path) -> None:
    """How many gates count a ticket together."""
    site = Site(tmp_path, hub=True, group=7)
    part = site.part()
    part.tick(NOW)
    assert part.words == "site only, group of 7"


def test_faults_are_the_worst_rung_and_told_apart_from_whom_the_gate_reaches(tmp_path: Path) -> None:
    """The state's first words tell the fault: what follows never contradicts them."""
    site = Site(tmp_path)
    part = site.part()
    part.linked(True, NOW)
    site.faulty = True
    assert part.rung is Rung.OUT_OF_SERVICE
    assert part.words == "connected, group of 1"
    site.faulty = False
    assert part.rung is Rung.CONNECTED
