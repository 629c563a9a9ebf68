# SPDX-License-Identifier: Apache-2.0
"""A hypothesis state machine over `money_world`: what goes wrong is shrunk to the few deeds that it takes."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Any

from crash_points import (
    AFTER_COMMIT,
    AFTER_PROVIDER,
    ANSWER,
    BEFORE_COMMIT,
    BEFORE_PROVIDER,
    STATEMENT,
    Point,
)
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from money_world import BASKETS, MIXES, World

NTH = st.integers(0, 11)
LATER = st.booleans()
# Half of all deeds die somewhere; a sale has some thirty statements and one or two commits.
DEATHS = st.one_of(
    st.none(),
    st.sampled_from(
        [Point(AFTER_COMMIT), Point(BEFORE_COMMIT), Point(AFTER_COMMIT), Point(AFTER_COMMIT, 1), Point(ANSWER)]
        + [Point(BEFORE_PROVIDER), Point(AFTER_PROVIDER), Point(AFTER_PROVIDER, 1)]
        + [Point(STATEMENT, count) for count in (1, 8, 17, 30)]
    ),
)
MOODS = st.lists(st.sampled_from(["", "unheard", "unsent", "declined"]), max_size=2)
THROUGH = st.sampled_from(["cash", "native", "code"])
Deed = Callable[[], Awaitable[Any]]


class MoneyMachine(RuleBasedStateMachine):
    """Deeds in any order. `opened` gives a fresh world and what closes it; both run in one loop and context."""

    opened: Callable[[], Awaitable[tuple[World, Deed]]]
    runner: asyncio.Runner
    books: list[str]
    deaths: dict[str, int]
    done: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.context: Context = copy_context()
        self.whole = True
        self.world, self.close = self._run(type(self).opened)

    def _run(self, deed: Deed) -> Any:
        async def work() -> Any:
            return await deed()

        return self.runner.run(work(), context=self.context)

    def does(self, deed: Deed) -> None:
        """One deed, and what must be true after it."""
        self.whole = False
        self._run(deed)
        self.world.looks()
        self.whole = True

    @rule(basket=st.integers(0, len(BASKETS) - 1), mix=st.sampled_from(MIXES), nth=NTH, point=DEATHS, later=LATER)
    def sells(self, basket: int, mix: str, nth: int, point: Point | None, later: bool) -> None:
        """Paid at once, through the provider, or not yet."""
        self.does(lambda: self.world.sells(basket, mix, nth, point, later=later))

    @rule(nth=NTH, whole=st.booleans(), point=DEATHS)
    def sells_and_refunds(self, nth: int, whole: bool, point: Point | None) -> None:
        """What happens most: three tickets in cash, and the guest changes his mind."""
        self.does(lambda: self.world.sells(1, MIXES[nth % 3], nth, None, later=False))
        self.does(lambda: self.world.refunds(0, point, whole=whole, later=False))

    @rule(nth=NTH, mix=st.sampled_from(MIXES), point=DEATHS, later=LATER)
    def pays(self, nth: int, mix: str, point: Point | None, later: bool) -> None:
        """An order that waits."""
        self.does(lambda: self.world.pays(nth, mix, point, later=later))

    @rule(nth=NTH)
    def guest_pays(self, nth: int) -> None:
        """On the phone."""
        self.does(lambda: self.world.guest_pays(nth))

    @rule(nth=NTH, point=DEATHS)
    def tells(self, nth: int, point: Point | None) -> None:
        """A notification, in time, late, twice."""
        self.does(lambda: self.world.tells(nth, point))

    @rule(moods=MOODS)
    def line_is_bad(self, moods: list[str]) -> None:
        """The provider's next answers."""
        self.world.provider.moods = moods

    @rule(nth=NTH, point=DEATHS)
    def cancels(self, nth: int, point: Point | None) -> None:
        """An order that is not paid."""
        self.does(lambda: self.world.cancels(nth, point))

    @rule(nth=NTH, point=DEATHS, whole=st.booleans(), later=LATER)
    def refunds(self, nth: int, point: Point | None, whole: bool, later: bool) -> None:
        """All, or one ticket."""
        self.does(lambda: self.world.refunds(nth, point, whole=whole, later=later))

    @rule(nth=NTH, mix=THROUGH, point=DEATHS, later=LATER)
    def recharges(self, nth: int, mix: str, point: Point | None, later: bool) -> None:
        """The wallet."""
        self.does(lambda: self.world.recharges(nth, mix, point, later=later))

    @rule(nth=NTH, mix=THROUGH, point=DEATHS, later=LATER)
    def leaves_deposit(self, nth: int, mix: str, point: Point | None, later: bool) -> None:
        """For a session."""
        self.does(lambda: self.world.leaves_deposit(nth, mix, point, later=later))

    @rule(nth=NTH, point=DEATHS, back=st.booleans())
    def takes_skis(self, nth: int, point: Point | None, back: bool) -> None:
        """Out or in."""
        self.does(lambda: self.world.takes_skis(nth, point, back=back))

    @rule(nth=NTH, point=DEATHS, later=LATER)
    def checks_out(self, nth: int, point: Point | None, later: bool) -> None:
        """A session with all that belongs to it."""
        self.does(lambda: self.world.checks_out(nth, point, later=later))

    @rule(nth=NTH, point=DEATHS, later=LATER)
    def account_pays(self, nth: int, point: Point | None, later: bool) -> None:
        """Signed bills."""
        self.does(lambda: self.world.account_pays(nth, point, later=later))

    @rule(nth=NTH, point=DEATHS)
    def settles_late(self, nth: int, point: Point | None) -> None:
        """Money without an order."""
        self.does(lambda: self.world.settles_late(nth, point))

    @rule(nth=NTH)
    def passes(self, nth: int) -> None:
        """Through a gate."""
        self.does(lambda: self.world.passes(nth))

    @rule(ms=st.sampled_from([100, 5_000, 21_000, 60_000, 16 * 60_000]), point=DEATHS)
    def time_passes(self, ms: int, point: Point | None) -> None:
        """Seconds, or longer than an order waits."""
        self.does(lambda: self.world.time_passes(ms, point))

    @rule(point=DEATHS)
    def evening(self, point: Point | None) -> None:
        """Books compared."""
        self.does(lambda: self.world.evening(point))

    @rule()
    def next_day(self) -> None:
        """Morning."""
        self.does(self.world.next_day)

    @rule(point=DEATHS)
    def closes_day(self, point: Point | None) -> None:
        """Yesterday."""
        self.does(lambda: self.world.closes_day(point))

    @rule(nth=NTH, point=DEATHS)
    def retries(self, nth: int, point: Point | None) -> None:
        """What died before."""
        self.does(lambda: self.world.retries(nth, point))

    @rule(nth=NTH)
    def again(self, nth: int) -> None:
        """What was answered before."""
        self.does(lambda: self.world.again(nth))

    def teardown(self) -> None:
        """Everything comes to its end, unless something went wrong before."""
        try:
            if self.whole:
                self.books.append(self._run(self.world.quiet))
                self.done.update(self.world.done())
                for kind, count in self.world.points.died.items():
                    self.deaths[kind] = self.deaths.get(kind, 0) + count
        finally:
            self.world.oracle.close()
            self._run(self.close)
