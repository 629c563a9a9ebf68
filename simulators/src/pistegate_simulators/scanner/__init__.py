# SPDX-License-Identifier: Apache-2.0
"""A simulated serial scanner of codes, and a reader of resident IDs."""

from pistegate_simulators.scanner.id_reader import SimulatedIdReader
from pistegate_simulators.scanner.scanner import SimulatedScanner

__all__ = ["SimulatedIdReader", "SimulatedScanner"]
