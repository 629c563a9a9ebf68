# SPDX-License-Identifier: Apache-2.0
"""The box at a window: contingency tickets 应急票 kept, sold on a small page of its own, and told to the cloud."""
