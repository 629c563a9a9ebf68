# SPDX-License-Identifier: Apache-2.0
"""A simulated serial scanner of codes."""

from pistegate_simulators.scanner.scanner import SimulatedScanner

__all__ = ["SimulatedScanner"]
