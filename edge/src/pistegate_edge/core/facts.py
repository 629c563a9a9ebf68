# SPDX-License-Identifier: Apache-2.0
"""What the cloud's documents tell a gate, in the form in which passages ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pistegate_protocol.suspensions import Suspension


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`deny`: ticket -> revisions below this one are refused. `amendments`: ticket -> its newest signed amendment.

    `calendars`: blackout set -> days on which claims with that set do not hold. `lost`: UIDs of lost cards.
    """

    deny: Mapping[int, int] = field(default_factory=dict)
    amendments: Mapping[int, bytes] = field(default_factory=dict)
    suspensions: tuple[Suspension, ...] = ()
    calendars: Mapping[int, frozenset[date]] = field(default_factory=dict)
    lost: frozenset[bytes] = frozenset()
