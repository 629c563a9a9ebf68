# SPDX-License-Identifier: Apache-2.0
"""What the board runs when it gets power. Until `start` has the pins they are inputs, and nothing is driven."""

from lane_board import start

start.main()
