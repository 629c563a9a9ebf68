# SPDX-License-Identifier: Apache-2.0
"""Amendments of tickets 门票变更: extension 延时, areas, hold, persons given back; signed and sent to the devices."""
