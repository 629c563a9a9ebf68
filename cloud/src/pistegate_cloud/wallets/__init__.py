# SPDX-License-Identifier: Apache-2.0
"""Wallets 储值: money of guests, in an account here and on their cards."""
