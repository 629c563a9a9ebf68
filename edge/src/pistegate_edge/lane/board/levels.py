# SPDX-License-Identifier: Apache-2.0
"""A board's hello and report in a technician's words: pins by name, what is wrong, what to do."""

from typing import Any

from pistegate_edge.lane.board import codes
from pistegate_edge.lane.board.image import build_now
from pistegate_edge.lane.core import messages
from pistegate_edge.lane.pinmap import INPUTS, OUTPUTS
from pistegate_edge.lane.settings import LaneSettings


def levels(settings: LaneSettings, report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each signal: its pin, where it goes, and whether it is active now. Lamps are not reported."""
    found = {}
    for name, use in settings.pins.items():
        if name in INPUTS or name in OUTPUTS:
            word, bits = (report["inputs"], INPUTS[name]) if name in INPUTS else (report["outputs"], OUTPUTS[name])
            found[name] = {"pin": use.pin, "direction": use.direction, "to": use.to, "active": bool(word & bits)}
    return found


def problems(hello: dict[str, Any], report: dict[str, Any] | None, profile: str, config: str) -> list[str]:
    """What is wrong, each with its remedy."""
    found = []
    if hello["protocol"] != messages.PROTOCOL:
        what = f"speaks protocol {hello['protocol']}, this gate {messages.PROTOCOL}"
        found.append(f"{what}: {codes.REMEDIES[codes.OTHER_FIRMWARE]}")
    elif hello["profile"] != profile:
        what = f"has profile {hello['profile']}, this gate {profile}"
        found.append(f"{what}: {codes.REMEDIES[codes.OTHER_PROFILE]}")
    elif hello["build"] != build_now():
        found.append(
            f"runs build {hello['build']}, this gate has {build_now()}: {codes.REMEDIES[codes.OTHER_FIRMWARE]}"
        )
    if hello["crash"]:
        found.append(f"latched by an error of its firmware ({hello['crash']}): {codes.REMEDIES[messages.CRASHED]}")
    for code in messages.fault_codes(report["faults"]) if report else []:
        if code != messages.CRASHED:
            found.append(f"fault {code}: {codes.REMEDIES.get(code, 'see docs/lane-board.md')}")
    return [problem.format(config=config) for problem in found]
