# SPDX-License-Identifier: Apache-2.0
"""What is read of clocks, and what is concluded. Times are milliseconds, wall times since 1970 UTC."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Reading:
    """The system's wall clock, and a clock of the same moment that runs on without steps; it compares in one boot."""

    wall_ms: int
    steady_ms: int


@dataclass(frozen=True, slots=True)
class Kernel:
    """What the kernel says of its clock (adjtimex): whether somebody disciplines it, and how far it may be off."""

    synchronised: bool
    error_ms: int = 0


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to hold the wall clock against.

    `outside`: the wall clock comes from a time source of the site (a time page). `rtc_ms`: of a battery-backed clock.
    """

    kernel: Kernel = Kernel(False)
    rtc_ms: int | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """At `steady_ms` of this boot it was `at_ms`, give or take `error_ms` (None: nobody knew)."""

    steady_ms: int
    at_ms: int
    error_ms: int | None


@dataclass(frozen=True, slots=True)
class Before:
    """What earlier runs left: the latest trusted time, and an anchor where they were of this boot."""

    mark_ms: int | None = None
    anchor: Anchor | None = None


class Why(StrEnum):
    """Why the time is trusted, or is in doubt; stored and sent, texts at `clock.WHY`. Never reuse or rename one."""

    SYNCHRONISED = "synchronised"
    """By the system's time service."""
    OUTSIDE = "outside"
    """By the site's time source."""
    SIGNED = "signed"
    """By the cloud's answer."""
    RTC = "rtc"
    """By the battery-backed clock, not for too long."""
    ACCEPTED = "accepted"
    """By a technician's word."""
    KEPT = "kept"
    """It ran on from one of these, not for too long."""
    SYSTEM_OFF = "system_off"
    """The cloud's time holds; the system's clock is another."""
    # In doubt.
    NEVER = "never_synchronised"
    """Nobody told the time since the computer started, and there is no battery-backed clock to go by."""
    RAN_BACK = "ran_back"
    """The system's clock is earlier than what is known to have been."""
    JUMPED = "jumped"
    """The system's clock was set, and nobody confirms it."""
    TOO_LONG = "too_long"
    """Nobody has told the time for so long that it may be seconds off."""
    CONTRADICTED = "contradicts_signed"
    """The system's time service contradicts what the cloud signed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the time stands; `error_ms`: how far it may be off (None: nobody knows)."""

    trusted: bool
    why: Why
    error_ms: int | None
