# SPDX-License-Identifier: Apache-2.0
"""From settings to a scanner."""

from collections.abc import Callable

from pistegate_edge.scanners.keyboard import keyboard_opener
from pistegate_edge.scanners.profiles import load_profile
from pistegate_edge.scanners.scanner import Scanner
from pistegate_edge.scanners.sdt import SdtInput
from pistegate_edge.scanners.serial_input import SerialInput
from pistegate_edge.scanners.told import ScannerTold

KEYBOARD = "keyboard"  # instead of a profile's name: a scanner that plays a keyboard


def open_scanner(
    path: str, profile: str, tell: Callable[[ScannerTold], None], monotonic: Callable[[], float]
) -> Scanner:
    """The scanner at `path`, not yet started; ConfigError for an unknown profile. The device may come later."""
    if profile == KEYBOARD:
        return Scanner(keyboard_opener(path), tell, monotonic)
    found = load_profile(profile)
    kind = SdtInput if found.protocol == "sdt" else SerialInput
    return Scanner(lambda: kind(path, found, monotonic), tell, monotonic)
