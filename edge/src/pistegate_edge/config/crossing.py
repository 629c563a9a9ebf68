# SPDX-License-Identifier: Apache-2.0
"""What sections of a gate.toml must agree on."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pistegate_edge.bindings import settings as binding_settings
from pistegate_edge.config.sections import Signals
from pistegate_edge.fingers import settings as finger_settings
from pistegate_edge.lane.settings import LaneSettings
from pistegate_edge.power import settings as power_settings
from pistegate_edge.power.settings import Power
from pistegate_edge.scanners import settings as scanner_settings

_SIGNAL_PINS = ("green_pin", "red_pin", "buzzer_pin", "amber_pin", "attendant_pin")


def cross(values: Mapping[str, Any], problems: list[str]) -> None:
    """What fields must agree on."""
    lane, place, device = values["lane"], values["place"], values["device"]
    users = dict(lane.users) if lane is not None else {}
    for path, pin in _pins(values["signals"], values["power"]).items():
        if pin in users:
            problems.append(f"{path} = {pin}: {users[pin]} uses this pin already; give each its own")
        users.setdefault(pin, path)
    documents = values["documents"]
    problems += scanner_settings.problems(values["scanners"], [] if documents is None else documents.kinds)
    if values["cloud"] is not None:
        problems += binding_settings.problems(values["cloud"])
    if values["finger"] is not None:
        problems += finger_settings.problems(values["finger"])
    if values["signals"] is not None:
        problems += _signals_wired(values["signals"], lane)
    if values["power"] is not None:
        problems += power_settings.problems(values["power"])
    if place is not None and device is not None and device.number not in place.post_gates:
        problems.append(f"place.post_gates must hold this gate's own number {device.number}: add it")


def _pins(signals: Signals | None, power: Power | None) -> dict[str, int]:
    """Pins of this computer beside the lane's, by their path in gate.toml."""
    named = {f"signals.{name}": getattr(signals, name) for name in _SIGNAL_PINS} if signals is not None else {}
    named |= {f"power.{name}": pin for name, pin in power_settings.pins(power).items()} if power is not None else {}
    return {path: pin for path, pin in named.items() if pin is not None}


def _signals_wired(signals: Signals, lane: LaneSettings | None) -> list[str]:
    """Whether the lamps are where the configuration says."""
    if signals.at == "pins":
        missing = [name for name in _SIGNAL_PINS[:3] if getattr(signals, name) is None]
        return [f"signals.{name} is missing: add it under [signals], a whole number from 0 to 27" for name in missing]
    problems = [
        f'signals.{name} is for pins of this computer: remove it, or write at = "pins"'
        for name in _SIGNAL_PINS
        if getattr(signals, name) is not None
    ]
    if lane is not None and not lane.lamps:
        remedy = 'write at = "pins" and wire the lamps to this computer'
        problems.append(f'signals.at = "board": the board of this lane drives no lamps; {remedy}')
    return problems


def check_zones(values: Mapping[str, Any], problems: list[str]) -> None:
    for section in ("place", "till"):
        found = values.get(section)
        if found is not None and not _zone_known(found.zone):
            problems.append(f'{section}.zone = "{found.zone}" is unknown: write a zone such as "Asia/Shanghai"')


def _zone_known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True
