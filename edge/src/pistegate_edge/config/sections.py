# SPDX-License-Identifier: Apache-2.0
"""The sections of gate.toml, one record each; folders with settings of their own have theirs there."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from pistegate_edge.bindings.settings import CloudService, Documents
from pistegate_edge.contingency.settings import Contingency
from pistegate_edge.fingers.settings import Finger
from pistegate_edge.journal.retention import KEEP_DAYS
from pistegate_edge.lane.settings import LaneSettings
from pistegate_edge.power.settings import Power
from pistegate_edge.scanners.settings import ScannerLine
from pistegate_protocol.claims import AREAS_MAX
from pistegate_protocol.topics import Role

Site = Annotated[int, Meta(ge=0, lt=2**15)]
DeviceNumber = Annotated[int, Meta(ge=1, lt=2**16)]
Pin = Annotated[int, Meta(ge=0, le=27)]  # BCM numbers of the 40-pin header
Milliseconds = Annotated[int, Meta(ge=1, le=600_000)]


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    """Who this device is."""

    site: Site
    group: Site
    number: DeviceNumber


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a gate stands. `post_gates`: numbers of all gates of this post, this one included. `exit`: it leads out."""

    area: Annotated[int, Meta(ge=0, lt=AREAS_MAX)]
    post_gates: Annotated[list[DeviceNumber], Meta(min_length=1)]
    zone: str
    holders: list[Literal["adult", "child", "youth", "senior", "disabled", "staff", "vip"]] | None = None
    exit: bool = False


class Storage(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the journal lies. `keep_days`: days of running that events are kept after the cloud has them."""

    directory: Annotated[str, Meta(min_length=1)]
    reserve_kib: Annotated[int, Meta(ge=128, le=1_048_576)] = 256
    keep_days: Annotated[int, Meta(ge=2, le=366)] = KEEP_DAYS


class KeyStoreFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The file with the card keys. `unlock`: what opens a sealed one, a file's path or credential:NAME (systemd)."""

    path: Annotated[str, Meta(min_length=1)]
    unlock: Annotated[str, Meta(min_length=1)] | None = None


class Reader(Struct, frozen=True, forbid_unknown_fields=True):
    """The card reader's serial line. `baud`: what the chip wakes at; the driver raises it, to `fastest` at most."""

    path: Annotated[str, Meta(min_length=1)]
    baud: Literal[115200] = 115200
    fastest: Literal[115200, 230400, 460800, 921600] = 921600


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """The cloud's MQTT broker. `tls`: with this device's certificate, which `pistegate-gate enrol` gets.

    `keepalive_s`: 30 to 60 on bad links; 5 threw gates out that were there (facts/durability-and-faults.md).
    """

    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, lt=2**16)] = 1883
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    username: str | None = None
    password: str | None = None
    tls: bool = False


class IdentityFiles(Struct, frozen=True, forbid_unknown_fields=True):
    """Where this device's key and certificate lie, where that is not beside the journal."""

    directory: Annotated[str, Meta(min_length=1)]


class Stale(Struct, frozen=True, forbid_unknown_fields=True):
    """What a gate does that has not heard of the cloud for `after_hours`: admit and show it, or refuse everybody."""

    after_hours: Annotated[int, Meta(ge=1, le=24 * 60)] = 24
    policy: Literal["admit", "refuse"] = "admit"


class SiteHub(Struct, frozen=True, forbid_unknown_fields=True):
    """The hub of the site: its device number, and the site's own broker, over which it is asked; of gates and hub.

    `username`: as that broker knows this device, a gate by its number. `ca`: a file with whom the broker's certificate
    is signed by; without it the line is not encrypted.
    """

    number: DeviceNumber
    host: Annotated[str, Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, lt=2**16)] = 1883
    username: str | None = None
    password: str | None = None
    ca: str | None = None


class ClockSource(Struct, frozen=True, forbid_unknown_fields=True):
    """`system`, or the path of a time page. `when_suspect`: what becomes of tickets while the time is in doubt.

    "admit": they are decided at the latest time that is sure. "refuse_dated": those that would not hold at the latest
    time that it may be (35 days later where nobody knows) are refused; a season pass still opens.
    """

    source: Annotated[str, Meta(min_length=1)] = "system"
    when_suspect: Literal["admit", "refuse_dated"] = "admit"


class Signals(Struct, frozen=True, forbid_unknown_fields=True):
    """Lamps and buzzer. `refuse_ms`: how long red shows. `at`: pins of this computer, or those of the lane board.

    `amber_mixed`: one lamp of two colours. `class_on_green`: green blinks by holder class, for the attendant.
    """

    at: Literal["pins", "board"] = "pins"
    green_pin: Pin | None = None
    red_pin: Pin | None = None
    buzzer_pin: Pin | None = None
    amber_pin: Pin | None = None
    attendant_pin: Pin | None = None
    amber_mixed: bool = False
    class_on_green: bool = False
    refuse_ms: Milliseconds = 1500


class Overrides(Struct, frozen=True, forbid_unknown_fields=True):
    """Letting people through without tickets. `staff_cards`: cards of staff may; the reasons go into the records."""

    staff_cards: bool = False
    staff_reason: Annotated[str, Meta(min_length=1, max_length=100)] = "staff card"
    key_reason: Annotated[str, Meta(min_length=1, max_length=100)] = "key switch"


class DisplayText(Struct, frozen=True, forbid_unknown_fields=True):
    r"""Words for the guest; `path`: a device that takes text. `columns`: cells of a small screen; None: whole lines.

    `clear`: what empties the screen before each text, such as "\f".
    """

    locale: Literal["en", "zh-CN"] = "zh-CN"
    path: str | None = None
    columns: Annotated[int, Meta(ge=8, le=40)] | None = None
    rows: Annotated[int, Meta(ge=1, le=4)] = 2
    encoding: Literal["utf-8", "gb18030", "ascii"] = "utf-8"
    clear: Annotated[str, Meta(max_length=8)] = ""


class Till(Struct, frozen=True, forbid_unknown_fields=True):
    """A point of sale, rental or catering. `socket`: where the operator's program asks; `group` may use it too."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    zone: str
    socket: Annotated[str, Meta(min_length=1)] = "/run/pistegate/till.sock"
    group: Annotated[str, Meta(min_length=1)] | None = None


class Config(Struct, frozen=True, kw_only=True):
    """A checked gate.toml; what the role does not need is None or empty. `path`: where it lies, for remedies."""

    role: Role
    device: Device
    reader: Reader = Reader("")
    broker: Broker = Broker("")
    clock: ClockSource
    identity: IdentityFiles | None = None
    place: Place | None = None
    storage: Storage | None = None
    lane: LaneSettings | None = None
    signals: Signals | None = None
    override: Overrides = Overrides()
    power: Power | None = None
    scanners: tuple[ScannerLine, ...] = ()
    documents: Documents | None = None
    cloud: CloudService | None = None
    finger: Finger | None = None
    hub: SiteHub | None = None
    stale: Stale = Stale()
    display: DisplayText = DisplayText()
    till: Till | None = None
    contingency: Contingency | None = None
    key_store: KeyStoreFile | None = None
    issuer_keys: dict[int, bytes] = msgspec.field(default_factory=dict)
    document_keys: dict[int, bytes] = msgspec.field(default_factory=dict)
    path: str = "gate.toml"
