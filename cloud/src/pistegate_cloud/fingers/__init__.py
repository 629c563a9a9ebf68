# SPDX-License-Identifier: Apache-2.0
"""Fingers 指纹: consents, withdrawals, and receipts of the gates that erased them. Never a template."""
