# SPDX-License-Identifier: Apache-2.0
"""Tenders: what an order is paid with, and how it goes back."""
