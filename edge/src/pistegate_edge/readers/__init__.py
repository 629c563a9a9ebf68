# SPDX-License-Identifier: Apache-2.0
"""Readers: a thread per device that survives its failures, and what it does with a card."""
