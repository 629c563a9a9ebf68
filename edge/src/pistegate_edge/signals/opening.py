# SPDX-License-Identifier: Apache-2.0
"""From [signals] and [display] of gate.toml to the panel of a gate."""

from pistegate_edge import config as settings
from pistegate_edge.lane.board.board_host import BoardLane
from pistegate_edge.lane.board.lamps import BoardLamps
from pistegate_edge.lane.core import pattern
from pistegate_edge.lane.host import LaneHost
from pistegate_edge.lane.settings import LaneSettings
from pistegate_edge.signals import Amber, Display, Fitted, Screen, Signals


def open_signals(
    signals: settings.Signals, display: settings.DisplayText, lane: LaneHost, lane_settings: LaneSettings
) -> Signals:
    """Dark; GPIOZeroError where pins cannot be driven."""
    screen = Screen(display.columns, display.rows, display.encoding, display.clear) if display.columns else None
    words = Display(display.path, display.locale, screen)
    refuse_s = signals.refuse_ms / 1000
    if isinstance(lane, BoardLane) and signals.at == "board":
        return Signals.on(BoardLamps(lane), _fitted(signals, lane_settings.lamps), refuse_s, words)
    if signals.green_pin is None or signals.red_pin is None or signals.buzzer_pin is None:
        raise ValueError("a checked configuration of a panel is needed")
    return Signals(
        signals.green_pin,
        signals.red_pin,
        signals.buzzer_pin,
        refuse_s,
        words,
        attendant_pin=signals.attendant_pin,
        amber_pin=signals.amber_pin,
        amber_mixed=signals.amber_mixed,
        class_on_green=signals.class_on_green,
    )


def _fitted(signals: settings.Signals, lamps: frozenset[int]) -> Fitted:
    amber = Amber.FITTED if pattern.AMBER in lamps else Amber.MIXED if signals.amber_mixed else Amber.NONE
    return Fitted(amber, pattern.ATTENDANT in lamps, signals.class_on_green)
