# SPDX-License-Identifier: Apache-2.0
"""Prompts 声光提示: lamps, buzzer, the attendant's lamp, and words on a small display.

What each key of the texts does is data (`prompts.toml`); `docs/prompts.md` is made from it.
"""

from pistegate_edge.signals.core import Amber, Fitted, SignalCore
from pistegate_edge.signals.display import Display
from pistegate_edge.signals.fit import Screen
from pistegate_edge.signals.panel import Lamps, Signals

__all__ = ["Amber", "Display", "Fitted", "Lamps", "Screen", "SignalCore", "Signals"]
