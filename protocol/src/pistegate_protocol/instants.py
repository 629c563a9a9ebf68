# SPDX-License-Identifier: Apache-2.0
"""Instants as cards and rules count them: whole minutes or seconds since 2020-01-01 UTC."""

from datetime import UTC, datetime, timedelta

TIME_ZERO = datetime(2020, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def minute_of(at: datetime) -> int:
    """The whole minute in which `at` is."""
    return (at - TIME_ZERO) // MINUTE


def minute_from(at: datetime) -> int:
    """The first whole minute that does not begin before `at`."""
    return -((TIME_ZERO - at) // MINUTE)


def at_minute(minute: int) -> datetime:
    """When `minute` begins, in UTC."""
    return TIME_ZERO + minute * MINUTE


def second_of(at: datetime) -> int:
    """The whole second in which `at` is."""
    return (at - TIME_ZERO) // SECOND


def at_second(second: int) -> datetime:
    """When `second` begins, in UTC."""
    return TIME_ZERO + second * SECOND
