# SPDX-License-Identifier: Apache-2.0
"""Faults and incidents of the link to a lane board, beside those of `core.words`, and what to do about each."""

from pistegate_edge.lane.core import words
from pistegate_edge.lane.core.messages import CRASHED

SILENT = "board_silent"
OTHER_FIRMWARE = "board_firmware"
OTHER_PROFILE = "board_profile"
LINK_FAULTS = (SILENT, OTHER_FIRMWARE, OTHER_PROFILE)

REBOOTED = "board_rebooted"  # an opening, if one was under way, ended with what was known
LATE_COUNT = "board_late_count"  # persons of an opening that was given up had passed all the same
EVENTS_LOST = "board_events_lost"  # incidents that the board could not keep; no person is lost with them
INCIDENTS = (REBOOTED, LATE_COUNT, EVENTS_LOST)

REMEDIES = {
    SILENT: "check the USB cable and the board's supply, then run `pistegate-gate board check --config {config}`",
    OTHER_FIRMWARE: "run `pistegate-gate board flash --config {config}`",
    OTHER_PROFILE: "run `pistegate-gate board flash --config {config}`: the board was made for another lane",
    CRASHED: "read `pistegate-gate board log --config {config}`, tell support, then press the lane's reset button",
    words.STALLED: "take away what blocks the leaf, then reset",
    words.BROKEN_ARM: "look at arm and arm sensors, then reset",
    words.LIMIT_FAULT: "the leaf does not reach its limit switch: look at switch, motor and driver, then reset",
    words.ARM_DOWN: "lift the arm, then reset",
    words.MOTION_FAULT: "look at motor, driver and sensors, then reset",
    words.BEAM_WEATHER: "wipe snow, ice or a glove off the sensors; it clears itself",
    words.CONTROLLER_NOT_READY: "look at the turnstile's own controller; it clears itself",
    words.CONTROLLER_ALARM: "look at the turnstile's own controller; it clears itself",
    words.ON_FIRE: "the fire loop is open: the way is free until it is closed",
    words.NO_POWER: "the lane's own supply is gone: the way is free until it is back",
}
