# SPDX-License-Identifier: Apache-2.0
"""E-invoices 数电票 of orders."""
