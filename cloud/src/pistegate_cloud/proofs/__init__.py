# SPDX-License-Identifier: Apache-2.0
"""Proofs: what cards MACed of their transactions, checked against what devices tell of them."""
