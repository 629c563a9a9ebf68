# SPDX-License-Identifier: Apache-2.0
"""What the passage protocol asks for; whoever performs them does so in the order given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pistegate_edge.core.memory import Memory
from pistegate_edge.core.owed import OwedEntry
from pistegate_protocol.claims import HolderClass
from pistegate_protocol.events import Admitted, ClockState, Incident, Outcome, Override, Refused, Settled


class Lamp(StrEnum):
    """What the lamps show."""

    IDLE = "idle"
    ADMIT = "admit"
    REFUSE = "refuse"
    OUT = "out"
    KEEP = "keep"
    """Leave the lamps; only words change."""


class IncidentCode(StrEnum):
    """Incident codes of this release; texts are at `incident.CODE`."""

    FORCED_ARM = "forced_arm"
    READER_LOST = "reader_lost"
    READER_SILENT = "reader_silent"
    SCANNER_LOST = "scanner_lost"
    FINGER_LOST = "finger_lost"
    FINGER_AWAY = "finger_away"
    FINGER_EXCUSED = "finger_excused"
    DOCUMENT_READER_LOST = "document_reader_lost"
    TABLES_MISSING = "tables_missing"
    TABLES_REFUSED = "tables_refused"
    TABLES_FULL = "tables_full"
    TABLES_DAMAGED = "tables_damaged"
    TABLES_STALE = "tables_stale"
    PASSES_BEYOND_ADMITTED = "passes_beyond_admitted"
    DISK_FULL = "disk_full"
    IDENTITY_CONFLICT = "identity_conflict"
    DOCUMENT_REFUSED = "document_refused"
    CLOUD_NEWER = "cloud_newer"
    CLOUD_RESTORED = "cloud_restored"
    MESSAGE_MALFORMED = "message_malformed"
    JOURNAL_CREATED = "journal_created"
    JOURNAL_SET_ASIDE = "journal_set_aside"
    JOURNAL_SALVAGED = "journal_salvaged"
    JOURNAL_ROLLED_BACK = "journal_rolled_back"
    LAB_KEYS = "lab_keys"
    CLOCK_SUSPECT = "clock_suspect"
    CLOCK_TRUSTED = "clock_trusted"
    CARD_ROLLED_BACK = "card_rolled_back"
    MAINS_LOST = "mains_lost"
    MAINS_BACK = "mains_back"
    BATTERY_LOW = "battery_low"
    BATTERY_WORN = "battery_worn"
    UPS_SILENT = "ups_silent"
    UPS_ANSWERS = "ups_answers"


@dataclass(frozen=True, slots=True)
class Read:
    """Reader: read the card of this session."""

    token: int


@dataclass(frozen=True, slots=True)
class Write:
    """Reader: write these in one transaction and commit: usage 32 bytes, record 16, the signed amendment if any."""

    token: int
    usage: bytes
    record: bytes
    amendment: bytes | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Reader: let go of the card of this session."""

    token: int


@dataclass(frozen=True, slots=True)
class AskFinger:
    """Sensor: compare a finger with this ticket's template until `until` (monotonic seconds), then answer
    FingerMatched or FingerRefused with `token`, once.
    """

    token: int
    ticket: int
    until: float


@dataclass(frozen=True, slots=True)
class RecordAdmission:
    """Journal: make durable, then answer AdmissionRecorded or AdmissionFailed. `party`: size of the whole party.

    `tick`: the period of a rotating code.
    """

    event: Admitted
    party: int
    tick: int | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """Hub: may `n` persons of `ticket` be charged, which makes its usage here `counters`? Answer Granted or Alone.

    n 0: only somebody who is owed is to be let in.
    """

    number: int
    ticket: int
    n: int
    counters: bytes


@dataclass(frozen=True, slots=True)
class Decided:
    """Hub: of every reservation up to `number` the admission is durable, or there is none."""

    number: int


@dataclass(frozen=True, slots=True)
class LetGo:
    """Journal: nobody is owed from these admissions here any more; then tell the hub, which owes them from then on."""

    names: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class OpenLane:
    """Lane: let `persons` through."""

    persons: int


@dataclass(frozen=True, slots=True)
class By:
    """Whose word lets people through without tickets: a staff card's, or the key's (nothing)."""

    medium: bytes | None = None
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class OverrideLane:
    """Lane: `mode` of `lane.core.words`, a group of `persons`; answered by Overridden, or LaneMode where refused."""

    mode: str
    direction: str
    persons: int
    by: By


@dataclass(frozen=True, slots=True)
class RecordOverride:
    """Journal: a lane in somebody's hands, or a person whom it let through."""

    event: Override


@dataclass(frozen=True, slots=True)
class RecordProgress:
    """Journal: `passed` persons of admission (epoch, seq) went through so far."""

    epoch: int
    seq: int
    passed: int


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """Journal, in one commit: the outcome, what is owed from it, whose owed entry it spends, whether it is open.

    `memory`: what the card confirmed.
    """

    event: Outcome
    owed: OwedEntry | None = None
    spent: bytes | None = None
    unsettled: bool = False
    memory: Memory | None = None


@dataclass(frozen=True, slots=True)
class RecordSettled:
    """Journal, in one commit: the settlement, and the owed entries that it ends (by admission name)."""

    event: Settled
    ended: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordClock:
    """Journal: how far the time is to be believed from here on."""

    event: ClockState


@dataclass(frozen=True, slots=True)
class RecordNote:
    """Journal, notes stream; repeats are merged."""

    event: Refused | Incident


@dataclass(frozen=True, slots=True)
class Show:
    """Lamps, buzzer and display: words at `key` of the texts, then those at `also`, with `values`.

    `holder`: whom the ticket was sold for, of an admission; the attendant is shown it.
    """

    lamp: Lamp
    key: str
    values: Mapping[str, object] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    holder: HolderClass | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """One line for the log."""

    line: str


Action = (
    Read
    | Write
    | Release
    | AskFinger
    | RecordAdmission
    | Reserve
    | Decided
    | LetGo
    | OpenLane
    | OverrideLane
    | RecordOverride
    | RecordProgress
    | RecordOutcome
    | RecordSettled
    | RecordNote
    | Show
    | Log
)
