# SPDX-License-Identifier: Apache-2.0
"""What a decision is asked about and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo

from pistegate_protocol.amendments import Amendment
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.elsewhere import NOTHING, Elsewhere
from pistegate_protocol.reasons import Reason
from pistegate_protocol.suspensions import Suspension
from pistegate_protocol.usage import Usage

# Odd, and 65536 divided by the golden ratio: neighbouring sites' gate codes come to lie far apart.
_SITE_FACTOR = 40503


@dataclass(frozen=True, slots=True, kw_only=True)
class GateProfile:
    """What a gate knows of itself. `post_gates`: all gates of its post, itself included."""

    site: int
    group: int
    gate: int
    post_gates: frozenset[int]
    area: int
    zone: tzinfo
    holders: frozenset[HolderClass] | None = None
    """Holder classes this lane serves; None: all."""
    exit: bool = False
    """This lane leads out: it lets everybody pass."""

    def code(self, *, group: bool) -> int:
        """What a usage's `last_gate` holds for this gate (`group`: of a claim that holds for the group)."""
        return self._code(self.gate, group)

    def post_codes(self, *, group: bool) -> dict[int, int]:
        """Code -> gate number, for each gate of the post."""
        return {self._code(gate, group): gate for gate in self.post_gates}

    def _code(self, gate: int, group: bool) -> int:
        # Gates are numbered site by site: of a group ticket, another site's lane 1 must not be taken for this one.
        return (gate + self.site * _SITE_FACTOR) & 0xFFFF if group else gate


@dataclass(frozen=True, slots=True)
class Owed:
    """Persons admitted by `admission` (its name) who did not pass, still within their time."""

    admission: bytes
    persons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What was sent down or journaled about this ticket and others.

    `deny`: ticket -> revisions below this one are refused. `owed`: of this ticket at lanes of this direction, if any.
    `amendment`: of this ticket, the highest number that card and gate know. `suspensions`: past ones too, as long as
    they pause the clock of a ticket. `calendars`: blackout set -> the days on which claims with that set do not hold.
    """

    deny: Mapping[int, int] = field(default_factory=dict)
    owed: Owed | None = None
    amendment: Amendment | None = None
    suspensions: tuple[Suspension, ...] = ()
    calendars: Mapping[int, frozenset[date]] = field(default_factory=dict)
    elsewhere: Elsewhere = NOTHING
    """What other media of this ticket used, or this kind of medium at other gates: never the usage decided on."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the guest and the attendant are shown: entries left today and in total after this one (None: unlimited)."""

    holder: HolderClass
    valid_until: date
    left_today: int | None
    left_total: int | None
    ends: datetime | None = None
    """When the ticket's clock ends, in UTC; None: it has none, or it stands still."""
    left_minutes: int | None = None
    """Of a bank of hours: minutes that can still be skied on this day."""
    left_days: int | None = None
    """Of an N-of-M ticket: days left besides this one."""


@dataclass(frozen=True, slots=True)
class Admit:
    """Permission for `n` persons. `usage` still names the previous admission: whoever commits names the new one.

    It is exactly what a card will give back: in UTC and whole seconds, every counter within its field. `charged`
    entries were added to it; `reoffer_of` names the admission whose owed persons these are. Where `usage.amended`, the
    amendment of the knowledge is in force: whoever writes the usage to a card writes that amendment with it.
    """

    n: int
    usage: Usage
    charged: int
    prompt: Prompt
    reoffer_of: bytes | None = None
    overtime: bool = False
    """The ticket's clock has ended; a product may charge for it."""
    exit: bool = False
    """They leave."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """`reason`; `until` when, where that is known; `gate`: after a passback, the one of this post to go back to."""

    reason: Reason
    until: datetime | None = None
    gate: int | None = None


Decision = Admit | Refuse
