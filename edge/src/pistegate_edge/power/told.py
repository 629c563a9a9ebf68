# SPDX-License-Identifier: Apache-2.0
"""What a source of power's state tells, and what the policy asks for."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class PowerStatus:
    """The UPS answers. `mains`: it is fed. `low`: its battery is. `forced`: it will cut the power whatever comes."""

    mains: bool
    low: bool = False
    forced: bool = False
    worn: bool = False


@dataclass(frozen=True, slots=True)
class PowerSilent:
    """The UPS does not answer; `detail` says how, with a remedy."""

    detail: str


PowerTold = PowerStatus | PowerSilent


class PowerCode(StrEnum):
    """Incident codes of power; texts are at `incident.CODE`."""

    MAINS_LOST = "mains_lost"
    MAINS_BACK = "mains_back"
    BATTERY_LOW = "battery_low"
    BATTERY_WORN = "battery_worn"
    UPS_SILENT = "ups_silent"
    UPS_ANSWERS = "ups_answers"


@dataclass(frozen=True, slots=True)
class Announce:
    """Note the incident, and show its words."""

    code: PowerCode
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TellState:
    """The cloud is told the gate's state anew: `PowerPolicy.words` has changed."""


@dataclass(frozen=True, slots=True)
class EndService:
    """Admit nobody any more; the passage under way is finished."""


@dataclass(frozen=True, slots=True)
class ResumeService:
    """Admit again."""


@dataclass(frozen=True, slots=True)
class ShutDown:
    """Close the journal, let the arms drop, end with EXIT_BATTERY; then the computer is shut down by `command`."""

    command: tuple[str, ...]


PowerAction = Announce | TellState | EndService | ResumeService | ShutDown
