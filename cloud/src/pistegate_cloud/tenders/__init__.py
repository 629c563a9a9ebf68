# SPDX-License-Identifier: Apache-2.0
"""Tenders: what an order is paid with, cash, providers, terminals, accounts, wallets, vouchers; and how it goes back."""
