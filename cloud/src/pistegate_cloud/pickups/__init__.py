# SPDX-License-Identifier: Apache-2.0
"""Picking up what was ordered online 取票."""
