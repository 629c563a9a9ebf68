# SPDX-License-Identifier: Apache-2.0
"""MicroPython's own module for firmware that runs on CPython; under MicroPython the built-in one comes first."""

interrupt = [3]  # the byte that stops a program; -1: none does


def kbd_intr(byte):
    """Which byte that is."""
    interrupt[0] = byte
