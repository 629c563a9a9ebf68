# SPDX-License-Identifier: Apache-2.0
"""Prices 价格: lists that are published and never edited, and what follows from them."""
