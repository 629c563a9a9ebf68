# SPDX-License-Identifier: Apache-2.0
"""Firmware of the lane board, in MicroPython; on the board it lies in /lane_board, main.py in /."""
