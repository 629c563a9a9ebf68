# SPDX-License-Identifier: Apache-2.0
"""A simulated PN532 reader that unmodified host drivers open as a serial device."""

from pistegate_simulators.reader.chip import Pn532
from pistegate_simulators.reader.field import Counters, Cut, Executed, RfField
from pistegate_simulators.reader.port import SimulatedReader

__all__ = ["Counters", "Cut", "Executed", "Pn532", "RfField", "SimulatedReader"]
