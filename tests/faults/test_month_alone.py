# SPDX-License-Identifier: Apache-2.0
"""Days alone in virtual time, a reboot a day amid the rides, then everything is told: nobody lost, nobody doubled."""

import logging
from collections.abc import Iterator

import pytest
from virtual_month import Month, forgetful

from pistegate_simulators.storm.violation import Red


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A month has a lot to say."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def alone(days: int, visits: int, events: int) -> Month:
    """So many days; `events` at least were told."""
    month = Month(1, days, visits)
    month.live()
    assert told(month) >= events
    assert month.reboots == 2 * days
    return month


def told(month: Month) -> int:
    """How many events the cloud has when it has all; the promises are looked at."""
    month.tell()
    return month.check()


def test_three_days_alone_are_told_completely() -> None:
    """1,800 guests, six reboots: each event once, chains whole, whoever passed is counted or told unknown."""
    alone(days=3, visits=600, events=3_300)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thirty_days_and_200_000_events_alone_are_told_completely() -> None:
    """The promise (P3), whole: 60 reboots, and no event of the month is missing afterwards."""
    month = alone(days=30, visits=3_450, events=200_000)
    assert month.told_s < 3_600


def test_month_finds_a_journal_that_forgets() -> None:
    """The test of the test: outcomes that were said to be written and were not are found."""
    month = Month(1, 1, 400)
    forgetful(month)
    month.live()
    with pytest.raises((Red, AssertionError)):
        told(month)
