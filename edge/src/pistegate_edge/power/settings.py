# SPDX-License-Identifier: Apache-2.0
"""[power] of gate.toml: where the UPS tells its state, and what ends the computer."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Pin = Annotated[int, Meta(ge=0, le=27)]  # BCM numbers of the 40-pin header
Level = Literal["high", "low"]
Pull = Literal["none", "up", "down"]


class Power(Struct, frozen=True, forbid_unknown_fields=True):
    """`gpio`: a UPS board's pins, and the levels that mean lost and low. `nut`: a UPS of a NUT server.

    `pull`: the pins' resistors; so that a broken wire reads as mains lost, never as battery low. `battery_minutes`:
    after so long on battery it counts as low, for a UPS that does not tell. `shutdown`: the command that ends the
    computer, a word each; empty: somebody else does.
    """

    source: Literal["gpio", "nut"]
    mains_lost_pin: Pin | None = None
    mains_lost_level: Level = "high"
    battery_low_pin: Pin | None = None
    battery_low_level: Level = "high"
    pull: Pull = "none"
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, lt=2**16)] = 3493
    ups: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")] = "ups"
    battery_minutes: Annotated[int, Meta(ge=1, le=1440)] | None = None
    shutdown: list[str] = msgspec.field(default_factory=lambda: ["systemctl", "poweroff"])


def pins(power: Power) -> dict[str, int]:
    """The pins that are used, by field: no other part may use them."""
    if power.source != "gpio":
        return {}
    named = {"mains_lost_pin": power.mains_lost_pin, "battery_low_pin": power.battery_low_pin}
    return {name: pin for name, pin in named.items() if pin is not None}


def problems(power: Power) -> list[str]:
    """What its fields must agree on, each with its remedy."""
    found: list[str] = []
    if power.source == "gpio" and power.mains_lost_pin is None:
        found.append('power.mains_lost_pin is missing: with source = "gpio" name the pin that tells that mains is lost')
    if power.source == "gpio" and power.battery_low_pin is None and power.battery_minutes is None:
        remedy = "name it, or write after how long the battery is low: battery_minutes = 100"
        found.append(f"power.battery_low_pin is missing: {remedy}")
    if power.shutdown and not power.shutdown[0]:
        found.append('power.shutdown begins with an empty word: write ["systemctl", "poweroff"], or [] for none')
    return found
