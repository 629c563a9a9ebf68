# SPDX-License-Identifier: Apache-2.0
"""Figures over passages, sales and the books."""
