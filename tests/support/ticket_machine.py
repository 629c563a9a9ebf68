# SPDX-License-Identifier: Apache-2.0
"""A hypothesis state machine over `ticket_season`: what fails is shrunk to the few steps that it takes."""

from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from ticket_season import ZONES, Season, some_amendment, some_claim

from pistegate_protocol.claims import Claim

CHANCE = st.integers(0, 10_000).map(Random)
LANES_IN = st.sampled_from([1, 1, 1, 2, 3, 4])
TURNED_BACK = st.sampled_from([0, 0, 0, 0, 1, 2, 3])
SECONDS = st.sampled_from([5, 50, 110]) | st.integers(1, 900) | st.integers(1, 9000)


class TicketMachine(RuleBasedStateMachine):
    """One ticket; all gates' clocks tell the true time."""

    skewed = False

    @initialize(claim=CHANCE.map(some_claim), zone=st.sampled_from(ZONES), hour=st.integers(-3, 20))
    def sold(self, claim: Claim, zone: str, hour: int) -> None:
        """A fresh card."""
        self.season = Season(claim, zone, hour, skewed=self.skewed)

    @rule(taps=st.lists(st.tuples(LANES_IN, TURNED_BACK, SECONDS), min_size=1, max_size=6))
    def rides(self, taps: list[tuple[int, int, int]]) -> None:
        """At lanes that lead in, one after another."""
        self.season.rides(taps)

    @rule(turned_back=TURNED_BACK)
    def leaves(self, turned_back: int) -> None:
        """At the lane that leads out."""
        self.season.leaves(turned_back)

    @rule(seconds=st.integers(1, 30_000))
    def waits(self, seconds: int) -> None:
        """Nothing happens."""
        self.season.waits(seconds)

    @rule(minutes=st.integers(-3, 3))
    def waits_for_midnight(self, minutes: int) -> None:
        """The minutes around the next midnight."""
        self.season.waits_for_midnight(minutes)

    @rule(hours=st.integers(7, 15))
    def waits_for_tomorrow(self, hours: int) -> None:
        """The next day at the ski area."""
        self.season.waits_for_tomorrow(hours)

    @rule()
    def is_given_back(self) -> None:
        """Who did not pass."""
        self.season.is_given_back()

    @rule(changes=CHANCE.map(some_amendment) | st.just({}))
    def is_amended(self, changes: dict[str, object]) -> None:
        """A change, or the end of a hold."""
        self.season.is_amended(**changes)

    @rule(area=st.sampled_from([1, 4]), seconds=st.sampled_from([10, 45, 3600, 10_000, None]), paused=st.booleans())
    def is_suspended(self, area: int, seconds: int | None, paused: bool) -> None:
        """An area closes."""
        self.season.is_suspended(area, seconds, paused)

    @rule()
    def opens_again(self) -> None:
        """Whatever was closed until further notice."""
        self.season.opens_again()


class SkewedMachine(TicketMachine):
    """The same at gates whose clocks are up to a minute off."""

    skewed = True
