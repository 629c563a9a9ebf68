# SPDX-License-Identifier: Apache-2.0
"""Settlements 结算: everything that a guest owes and gets back at check-out, explained line by line, in one order."""
