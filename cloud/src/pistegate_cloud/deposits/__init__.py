# SPDX-License-Identifier: Apache-2.0
"""Deposits 押金: money held for a card, for equipment or as spending money, and given back."""
