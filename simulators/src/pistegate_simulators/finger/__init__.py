# SPDX-License-Identifier: Apache-2.0
"""A simulated fingerprint sensor of the R307/AS608/R503 family."""

from pistegate_simulators.finger.sensor import SimulatedSensor
from pistegate_simulators.finger.skin import Finger, Skin

__all__ = ["Finger", "SimulatedSensor", "Skin"]
