# SPDX-License-Identifier: Apache-2.0
"""The lane's core: pure, and in the subset of Python that MicroPython also runs. Entry: `lanes.open_lane(profile)`."""
