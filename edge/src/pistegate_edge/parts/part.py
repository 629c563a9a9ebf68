# SPDX-License-Identifier: Apache-2.0
"""What the gate's loop asks of a part, and what a part is given of the gate.

A part may have threads of its own: they tell by `Ports.put`. Everything else of it runs on the gate's loop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pistegate_edge.clock import Clock
from pistegate_edge.core.actions import IncidentCode
from pistegate_edge.core.facts import Facts
from pistegate_edge.core.inputs import Input
from pistegate_edge.core.now import Now
from pistegate_edge.core.owed import OwedEntry
from pistegate_edge.journal.journal import Journal
from pistegate_protocol.events import ClockState, FingerErased, PlaceTaken, Stream
from pistegate_protocol.messages import SignedDocument

Performer = Callable[[Any, Now], None]


@dataclass(frozen=True, slots=True)
class Ports:
    """A gate as its parts see it; `put` may be called from any thread, everything else from the loop.

    `feed`: to the passage protocol. `note`: an incident, shown to the attendant and told to the cloud.
    `state_changed`: the cloud should hear the gate's state. `busy`: a passage is under way. `publish`: up to the cloud.
    `held`: a card waits for the loop; disk and network wait until it is let go.
    `chronicle`: into both streams. `keep`: a signed document under a name and version; False: there is no room.
    `document`: the cloud's newest of a kind. `record`: a receipt into the ledger; False: there is no room yet.
    `journal`: the gate's, `owed`: whom it owes by now. `cloud_heard`: when (monotonic) the cloud said anything, in this
    run. `faulty`: something keeps the gate out of service, beside that it is stale.
    """

    put: Callable[[object], None]
    feed: Callable[[Input], None]
    note: Callable[[IncidentCode, str], None]
    state_changed: Callable[[], None]
    busy: Callable[[], bool]
    held: Callable[[], bool]
    clock: Clock
    publish: Callable[[bytes], None]
    chronicle: Callable[[ClockState], None]
    keep: Callable[[str, int, SignedDocument], bool]
    document: Callable[[type[Any]], Any]
    record: Callable[[FingerErased | PlaceTaken], bool]
    journal: Journal
    owed: Callable[[], list[OwedEntry]]
    cloud_heard: Callable[[], float | None]
    faulty: Callable[[], bool]


class Part:
    """A part that does nothing; each overrides what it needs."""

    takes: tuple[type, ...] = ()
    """Types of what its threads `put`, which the loop gives to `take`."""

    @property
    def performs(self) -> Mapping[type, Performer]:
        """Actions of the passage protocol that it carries out."""
        return {}

    @property
    def words(self) -> str:
        """For the gate's state as the cloud sees it; empty: nothing to say."""
        return ""

    @property
    def documents(self) -> dict[str, int]:
        """Versions of documents that it keeps itself, as Hello tells them."""
        return {}

    @property
    def deadline(self) -> float | None:
        """Monotonic seconds at which `tick` is due."""
        return None

    def start(self) -> None:
        """The gate serves from now on."""

    def stop(self) -> None:
        """The gate ends: its lane is shut, its journal still open."""

    def take(self, told: Any, now: Now) -> None:
        """Something of `takes` was put on the queue."""

    def tick(self, now: Now) -> None:
        """`deadline` has come; work that takes long waits while `Ports.busy`."""

    def stepped(self, now: Now) -> None:
        """The passage protocol made a step."""

    def grown(self, stream: Stream, last: int) -> None:
        """The journal's current epoch of `stream` now ends with `last`."""

    def told(self) -> None:
        """The cloud's documents tell more now."""

    def knows(self, facts: Facts) -> Facts:
        """What passages go by: what the cloud's documents tell, with what this part adds to it."""
        return facts

    def linked(self, up: bool, now: Now) -> None:
        """The broker is reached, or is not any more."""
